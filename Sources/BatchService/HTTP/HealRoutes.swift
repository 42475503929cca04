internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchHealing

/// `/api/heal/…`, `/api/contracts/…`: the verbs of repair jobs and contracts.
enum HealRoutes {
    private static let job = Parameter.job("job", "a repair job")
    private static let contract = Parameter.text("id", "only this contract")

    static let all: [Route] = [
        Route(
            method: .get, path: "/api/heal", name: "listRepairs",
            summary: "The repair jobs: what each repairs, and how its last run ended", access: .role(.viewer),
            answer: .report(["jobs"]),
            perform: { (call) throws(BatchError) in call.report(try call.repairs().list(try call.view())) }),
        Route(
            method: .get, path: "/api/heal/findings", name: "listFindings",
            summary: "What the repair jobs find wrong; it changes nothing", access: .role(.viewer), query: [job],
            answer: .report(["findings", "counts"]),
            perform: { (call) throws(BatchError) in
                let repairs = try call.repairs()
                let job = try call.value("job").map { (name) throws(BatchError) in try repairs.job(named: name) }
                return call.report(try repairs.scan(try call.view(), job: job, tenant: call.tenant))
            }),
        Route(
            method: .get, path: "/api/heal/history", name: "listRepairRuns", summary: "What repair jobs did",
            access: .role(.viewer), query: [job, .limit], answer: .report(["executions"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try RepairHistory(try call.view()).report(
                        job: call.value("job"), limit: call.number("limit") ?? 1_000))
            }),
        Route(
            method: .post, path: "/api/heal/{job}/run", name: "runRepair",
            summary: "Run a repair job: one batch for each tenant with something wrong",
            access: .role(.operator), action: "heal run", places: [job],
            body: [.dryRun, Parameter("set", .assignments, "its parameters")],
            answer: .report(["mode", "findings_before", "executions"]), perform: run),
        Route(
            method: .post, path: "/api/heal/{job}/thaw", name: "thawRepair",
            summary: "Let a repair job run again that was frozen or halted because it failed too often",
            access: .role(.operator),
            action: "heal thaw", places: [job], body: [.reason], answer: .report(["job", "thawed"]),
            perform: { (call) throws(BatchError) in
                let job = try call.repairs().job(named: try call.required("job"))
                return call.report(
                    try RepairHistory(try call.session(database: job.database)).thaw(
                        job.id, tenant: call.tenant, reason: try call.required("reason")))
            }),
        Route(
            method: .get, path: "/api/contracts", name: "listContracts",
            summary: "The contracts that the data has to keep",
            access: .role(.viewer), answer: .report(["contracts"]),
            perform: { (call) throws(BatchError) in
                let contracts = try ContractList.contracts(in: call.workspace.catalog)
                return call.report(ContractReport(entries: contracts.map { .init(contract: $0) }))
            }),
        Route(
            method: .get, path: "/api/contracts/check", name: "checkContracts",
            summary: "Check the contracts of the data: which rows break them", access: .role(.viewer),
            query: [contract],
            answer: .report(["ok", "contracts"]),
            perform: { (call) throws(BatchError) in
                let contracts = try ContractList.contracts(in: call.workspace.catalog, named: call.value("id"))
                return call.report(try ContractCheck(try call.view()).report(contracts, tenant: call.tenant))
            }),
    ]

    private static func run(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let job = try call.repairs().job(named: try call.required("job"))
        let values = try ParameterValues(job, set: call.assignments)
        let run = RepairRun(job, values, mode: call.flag("dry_run") ? .dryRun : .apply) { (tenant) throws(BatchError) in
            var own = call.context
            own.tenant = tenant
            return try Session(call.workspace, database: job.database, tenant: tenant, context: own)
        }
        let report = try run.perform(tenant: call.tenant)
        return call.report(report, status: report.exitCode == .waitingForApproval ? 202 : 200)
    }
}

extension APICall {
    fileprivate func repairs() throws(BatchError) -> Repairs { Repairs(try catalog().jobs) }
}
