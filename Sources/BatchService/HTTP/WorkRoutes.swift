internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchHealing

/// `POST /api/…`: what the verbs do that change something.
enum WorkRoutes {
    static let all: [Route] = [
        Route(
            method: .post, path: "/api/runs", name: "run",
            summary: "Run a job of the catalog to its end, or make a patch plan of it", access: .role(.operator),
            action: "run",
            body: [
                .job().required, Parameter("set", .assignments, "its parameters"),
                .text("key", "a second run with the same key does nothing"), .dryRun,
                Parameter("propose", .boolean, "make a patch plan, whatever its level"),
                .span("expires", "how long a plan may be applied"),
                Parameter("anew", .boolean, "even though an earlier batch of the job is half done"),
                Parameter("new_tenant", .boolean, "also when the tenant has no rows yet"),
            ],
            answer: .report([]), statuses: [202], perform: run),
        Route(
            method: .post, path: "/api/batches/{id}/resume", name: "resume",
            summary: "Continue a batch that was stopped or failed",
            access: .role(.operator), action: "resume", places: [.batch], body: [.dryRun],
            perform: { (call) throws(BatchError) in
                let runner = Runner(try call.session())
                let batch = try call.batch()
                return call.report(try call.flag("dry_run") ? runner.previewResume(batch) : runner.resume(batch))
            }),
        Route(
            method: .post, path: "/api/batches/{id}/stop", name: "stop", summary: "Stop a batch at its next checkpoint",
            access: .role(.operator), action: "stop", places: [.batch],
            perform: { (call) throws(BatchError) in
                call.report(try Runner(try call.session()).stop(try call.batch()))
            }),
        Route(
            method: .post, path: "/api/batches/{id}/rollback", name: "rollback",
            summary: "Undo a batch and, depending on the mode, what depends on it", access: .role(.operator),
            action: "rollback", places: [.batch],
            body: [
                .choice("mode", RollbackMode.self, "what to do with dependents (default: restrict)"),
                Parameter("to", .integer(1...1_000_000), "keep its checkpoints up to this one"),
                .choice(
                    "on_conflict", RollbackRequest.ConflictPolicy.self,
                    "what to do with rows that are not as the batch left them"
                ),
                .choice(
                    "readers", RollbackRequest.ReaderPolicy.self, "what to do with batches that read what is undone"),
                .choice("source", RollbackRequest.Source.self, "the record to undo from"), .dryRun,
            ],
            perform: rollback),
        Route(
            method: .post, path: "/api/plans/{id}/approve", name: "approvePlan",
            summary: "Approve a patch plan of somebody else", access: .role(.approver), action: "plan approve",
            places: [.plan], answer: .report(["plan"]),
            perform: { (call) throws(BatchError) in
                call.report(try PatchPlans(try call.session()).approve(try call.plan(), as: call.caller.person))
            }),
        Route(
            method: .post, path: "/api/plans/{id}/reject", name: "rejectPlan", summary: "Reject a patch plan",
            access: .role(.approver), action: "plan reject", places: [.plan], body: [.reason],
            answer: .report(["plan"]),
            perform: { (call) throws(BatchError) in
                let reason = try call.required("reason")
                return call.report(
                    try PatchPlans(try call.session()).reject(
                        try call.plan(), because: reason, as: call.caller.person))
            }),
        Route(
            method: .post, path: "/api/plans/{id}/apply", name: "applyPlan",
            summary: "Carry out a plan that was approved",
            access: .role(.operator), action: "plan apply", places: [.plan],
            perform: { (call) throws(BatchError) in
                call.report(try PatchPlans(try call.session()).apply(try call.plan()))
            }),
        Route(
            method: .post, path: "/api/switches", name: "setSwitch", summary: "Set a switch", access: .role(.admin),
            hasTenants: false, action: "switch set",
            body: [
                .text("name", "e.g. safe_mode, job:NAME").required, .text("value", "e.g. on, off").required, .reason,
                .span("for", "how long it is in effect"), .dryRun,
            ],
            perform: { (call) throws(BatchError) in
                let request = try SwitchRequest(
                    name: try call.required("name"), value: try call.required("value"),
                    reason: try call.required("reason"), duration: call.value("for"))
                let switches = try SwitchSetting(call.workspace, context: call.context)
                return call.report(try call.flag("dry_run") ? switches.preview(request) : switches.set(request))
            }),
        Route(
            method: .post, path: "/api/verify", name: "verify",
            summary: "Recheck digests, chains and both copies of every restore point", access: .role(.viewer),
            hasTenants: false, action: "verify", body: [Parameter("fast", .boolean, "without reading the copies")],
            answer: .report(["ok", "checks"]),
            perform: { (call) throws(BatchError) in
                let session = try call.view()
                var checks = try session.verify(nil, isFast: call.flag("fast")).checks
                if !call.flag("fast") { checks += try session.verifyAudit().checks }
                return call.report(ChecksReport(checks: checks))
            }),
        Route(
            method: .post, path: "/api/tokens", name: "createToken",
            summary: "Make a token; the answer is the only place where it is shown", access: .role(.admin),
            hasTenants: false, action: "token create",
            body: [
                name.required, Parameter("person", name.shape, "who uses it (default: its name)"),
                .choice("role", Role.self, "what it may do").required,
                Parameter("tenant", Parameter.tenant.shape, "the only tenant it is for"),
                .span("expires", "how long it is valid"),
            ],
            answer: .report(["name", "token"]),
            perform: { (call) throws(BatchError) in
                guard let role: Role = call.choice("role") else {
                    throw BatchError(.usage, "'role' is missing", hint: "name one")
                }
                return call.report(
                    try AccessTokens(call.workspace, context: call.context).create(
                        TokenRequest(
                            name: try call.required("name"), person: call.value("person"), role: role,
                            tenant: call.tenant, life: try call.span("expires"))))
            }),
        Route(
            method: .post, path: "/api/tokens/{name}/revoke", name: "revokeToken",
            summary: "Revoke a token",
            access: .role(.admin), hasTenants: false, action: "token revoke", places: [name], body: [.reason],
            answer: .report(["name"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try AccessTokens(call.workspace, context: call.context).revoke(
                        try call.required("name"), reason: try call.required("reason")))
            }),
    ]

    private static let name = Parameter(
        "name", .text(pattern: "^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$"), "the name of a token")

    private static func run(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let job = try call.catalog().job(named: try call.required("job"))
        let values = try ParameterValues(job, set: call.assignments)
        if job.repair != nil { return try repair(call, job, values) }
        let session = try call.session(database: job.database, mayBeNew: call.flag("new_tenant"))
        let runner = Runner(session)
        if call.flag("dry_run") {
            return call.report(try runner.preview(job, values, tenant: call.tenant, isAnew: call.flag("anew")))
        }
        var order = RunOrder(
            job: job, values: values, tenant: call.tenant, key: call.value("key"),
            suggestion: call.flag("propose") ? "\(call.caller.person) asked for a plan" : nil,
            planLife: try call.span("expires"))
        order.isAnew = call.flag("anew")
        switch try runner.submit(order) {
        case .ran(let report): return call.report(report)
        case .planned(let plan): return call.report(plan, status: 202)
        }
    }

    /// As `POST /api/heal/{job}/run` does it: a repair runs in one way, whoever begins it.
    private static func repair(
        _ call: APICall, _ job: JobDefinition, _ values: ParameterValues
    ) throws(BatchError) -> HTTPResponse {
        let mode: HealRunReport.Mode = call.flag("dry_run") ? .dryRun : call.flag("propose") ? .propose : .apply
        var run = RepairRun(job, values, mode: mode) { (tenant) throws(BatchError) in
            var own = call.context
            own.tenant = tenant
            return try Session(call.workspace, database: job.database, tenant: tenant, context: own)
        }
        run.key = call.value("key")
        run.isAnew = call.flag("anew")
        run.planLife = try call.span("expires")
        let report = try run.perform(tenant: call.tenant)
        if let error = report.executions.lazy.compactMap(\.error).first { throw error }
        return call.report(report, status: report.exitCode == .waitingForApproval ? 202 : 200)
    }

    private static func rollback(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let mode: RollbackMode = call.choice("mode") ?? .restrict
        let request = RollbackRequest(
            batch: try call.batch(), mode: mode, checkpoint: call.number("to"),
            onConflict: call.choice("on_conflict") ?? (mode == .unconflicted ? .keep : .abort),
            readers: call.choice("readers") ?? .show, isDryRun: call.flag("dry_run"), source: call.choice("source"))
        if let contradiction = request.contradiction {
            throw BatchError(.usage, contradiction, hint: "leave one of them out")
        }
        switch try Rollback(try call.session()).perform(request) {
        case .done(let report): return call.report(report)
        case .refused(let report): return call.report(report, status: report.error.code.httpStatus)
        }
    }
}
