internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchHealing

/// `GET /api/…`: the reports of the verbs that look.
enum ViewRoutes {
    static let all: [Route] = [
        Route(
            method: .get, path: "/api/status", name: "status",
            summary: "The last batches, what is half done, what waits, and what grows",
            access: .role(.viewer), answer: .report(["batches"]),
            perform: { (call) throws(BatchError) in
                let session = try call.view()
                var report = try session.status()
                try HealthView(session, jobs: (try? call.catalog().jobs) ?? []).add(to: &report)
                return call.report(report)
            }),
        Route(
            method: .get, path: "/api/batches", name: "listBatches", summary: "Batches, the latest first",
            access: .role(.viewer),
            query: [.job(), .choice("status", BatchStatus.self, "only batches in this state"), .limit],
            answer: .report(["batches"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.view().list(
                        ListRequest(
                            job: call.value("job"), status: call.choice("status"), limit: call.number("limit") ?? 1_000)
                    ))
            }),
        Route(
            method: .get, path: "/api/batches/{id}", name: "showBatch",
            summary: "One batch: checkpoints, dependents, restore point", access: .role(.viewer), places: [.batch],
            answer: .report(["batch", "status"]),
            perform: { (call) throws(BatchError) in call.report(try call.view().show(try call.batch())) }),
        Route(
            method: .get, path: "/api/batches/{id}/dependents", name: "listDependents",
            summary: "What depends on a batch, and why", access: .role(.viewer), places: [.batch],
            answer: .report(["batch", "dependents"]),
            perform: { (call) throws(BatchError) in call.report(try call.view().graph(try call.batch())) }),
        Route(
            method: .get, path: "/api/batches/{id}/changes", name: "listChanges",
            summary: "The rows that a batch changed, before and after", access: .role(.viewer), places: [.batch],
            query: [.text("table", "only this table"), Parameter("stat", .boolean, "counts only"), .limit, .offset],
            answer: .report(["changes", "counts"]),
            perform: { (call) throws(BatchError) in
                let point = try PointReference(try call.required("id"))
                return try call.report(differenceOf: .batch(point))
            }),
        Route(
            method: .get, path: "/api/points", name: "listPoints", summary: "Restore points, the oldest first",
            access: .role(.viewer), query: [.limit], answer: .report(["points"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.view().points(limit: call.number("limit") ?? 1_000))
            }),
        Route(
            method: .get, path: "/api/catalog", name: "listCatalog", summary: "The jobs of the catalog",
            access: .role(.viewer), answer: .report(["jobs"]),
            perform: { (call) throws(BatchError) in
                let catalog = try call.catalog()
                return call.report(
                    JobListReport(
                        jobs: catalog.jobs.map { JobReport($0, file: catalog.file(of: $0.id)) },
                        broken: catalog.broken.map { .init(file: $0.file, id: $0.id, mistakes: $0.mistakes.count) }))
            }),
        Route(
            method: .get, path: "/api/catalog/{job}", name: "showJob", summary: "One job of the catalog",
            access: .role(.viewer), places: [.job()], answer: .report(["id", "version", "steps"]),
            perform: { (call) throws(BatchError) in
                let catalog = try call.catalog()
                let job = try catalog.job(named: try call.required("job"))
                return call.report(JobReport(job, file: catalog.file(of: job.id), keys: job.writtenKeys))
            }),
        Route(
            method: .get, path: "/api/plans", name: "listPlans", summary: "Patch plans, the latest first",
            access: .role(.viewer), query: [.choice("status", PatchPlanStatus.self, "only plans in this state")],
            answer: .report(["plans"]),
            perform: { (call) throws(BatchError) in
                call.report(try PatchPlans(try call.view()).list(call.choice("status")))
            }),
        Route(
            method: .get, path: "/api/plans/{id}", name: "showPlan", summary: "One patch plan in full",
            access: .role(.viewer), places: [.plan], answer: .report(["plan"]),
            perform: { (call) throws(BatchError) in call.report(try PatchPlans(try call.view()).show(try call.plan())) }
        ),
        Route(
            method: .get, path: "/api/switches", name: "listSwitches", summary: "The switches that hold back something",
            access: .role(.viewer), hasTenants: false,
            query: [Parameter("history", .boolean, "every setting there was")], answer: .report(["switches"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try SwitchSetting(call.workspace, context: call.context).list(history: call.flag("history")))
            }),
        Route(
            method: .get, path: "/api/audit", name: "listAudit", summary: "Rows of the audit, by time",
            access: .role(.viewer),
            query: [
                Parameter("batch", Parameter.batch.shape, "only rows about this batch"),
                .text("actor", "only what this person did"), .text("action", "only this action"),
                Parameter.text("trace", "only rows with this trace id"),
                Parameter(
                    "since", .text(pattern: "^20[0-9]{2}-(0[1-9]|1[0-2])-([01][1-9]|2[0-8])$"), "from this day, in UTC"),
                .limit,
            ],
            answer: .report(["entries"]),
            perform: { (call) throws(BatchError) in
                var filter = AuditFilter(tenant: call.tenant)
                filter.batch = call.value("batch")
                filter.actor = call.value("actor")
                filter.action = call.value("action")
                filter.traceID = call.value("trace")
                filter.since = call.value("since")
                filter.limit = call.number("limit") ?? 1_000
                try filter.requireTime()
                return call.report(try call.view().listAudit(filter))
            }),
        Route(
            method: .get, path: "/api/drift", name: "showDrift",
            summary: "What changed in the database that no batch made",
            access: .role(.viewer), query: [Parameter("stat", .boolean, "counts only")],
            perform: { (call) throws(BatchError) in
                call.report(try call.view().drift(DriftRequest(isStatistics: call.flag("stat"))))
            }),
        Route(
            method: .get, path: "/api/tokens", name: "listTokens", summary: "The tokens, without their secrets",
            access: .role(.admin), hasTenants: false, answer: .report(["tokens"]),
            perform: { (call) throws(BatchError) in
                call.report(try AccessTokens(call.workspace, context: call.context).list())
            }),
    ]
}

extension APICall {
    func batch() throws(BatchError) -> BatchReference { try BatchReference(try required("id")) }

    func catalog() throws(BatchError) -> Catalog { try api.workspace.loadCatalog(context.steps.rules()) }

    /// - Throws: `ERR_UX_UNKNOWN_PLAN`
    func plan() throws(BatchError) -> PatchPlanID {
        let text = try required("id")
        if let id = PatchPlanID(text) { return id }
        throw BatchError(
            .unknownPlan, "'\(text)' is not a plan: write plan.NUMBER", hint: "see them: \(command: "plan list")")
    }
}
