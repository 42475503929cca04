internal import BatchCatalog
internal import BatchCore
internal import BatchLedger

/// The work of one request that was accepted, in the name of its signer.
struct OpsWork {
    let workspace: Workspace
    let context: Context
    let request: OpsRequest
    let signer: TrustedKey

    /// - Parameter old: of a request to switch, which is set already: the value before.
    func perform(_ old: SwitchValue?) throws(BatchError) -> OpsChannel.Outcome {
        switch request.action {
        case .run(let job, let tenant, let assignments, let key):
            return try run(job, tenant, assignments, key ?? "request:\(request.nonce)")
        case .rollback(let batch, let tenant, let mode, let checkpoint):
            let wish = RollbackRequest(
                batch: .batch(batch), mode: mode, checkpoint: checkpoint,
                onConflict: mode == .unconflicted ? .keep : .abort)
            switch try Rollback(try session(tenant)).perform(wish) {
            case .done(let report): return .done(answer(report))
            case .refused(let report): return .refused(report)
            }
        case .approve(let plan, let tenant):
            return .done(answer(try PatchPlans(try session(tenant)).approve(plan, as: signer.name)))
        case .switching(let setting):
            let state = SwitchSetting.state(setting, actor: signer.name, at: context.now())
            let report = try SwitchSetting(workspace, context: context).tell(state, old: old ?? setting.name.standard)
            return .done(answer(report))
        }
    }

    private func run(
        _ name: String, _ tenant: String?, _ assignments: [String], _ key: String
    ) throws(BatchError) -> OpsChannel.Outcome {
        let job = try workspace.loadCatalog(context.steps.rules()).job(named: name)
        let values = try ParameterValues(job, set: assignments)
        let order = RunOrder(job: job, values: values, tenant: tenant, key: key)
        switch try Runner(try session(tenant)).submit(order) {
        case .ran(let report): return .done(answer(report))
        case .planned(let plan): return .planned(answer(plan))
        }
    }

    private func session(_ tenant: String?) throws(BatchError) -> Session {
        try Session(workspace, tenant: tenant, context: context)
    }

    private func answer(_ report: any Report) -> OpsReport {
        OpsReport(request: request, signer: signer, answer: report)
    }
}
