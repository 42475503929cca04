public import BatchCatalog
internal import BatchControl
public import BatchCore

/// What nobody has approved in its time is rejected, and whoever wants to hear of approvals hears of it.
public struct ExpiredPlans {
    private let workspace: Workspace
    private let context: Context

    public init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    /// - Parameter isPosted: the service tells of it later; else it is told at once.
    public func reject(isPosted: Bool) throws(BatchError) {
        guard workspace.hasRecords else { return }
        let rejected = try context.store(of: workspace).rejectExpiredPlans(at: context.now()) { record in
            var own = context
            own.tenant = record.tenant
            return own.act("plan expire", outcome: "rejected")
        }
        if rejected.isEmpty { return }
        let jobs = (try? workspace.loadCatalog(StepRegistry.builtIn.rules()))?.jobs ?? []
        let notices = Notices(workspace, context: context)
        for record in rejected {
            let words = "\(record.id) of \(record.job) is rejected: nobody approved it until \(record.expiresAt)"
            context.log.write(.warn, "plan.expired", words, module: .runner)
            let event = Notifier.Event(
                .approval, job: record.job, tenant: record.tenant, message: words, at: context.now())
            let rules = jobs.first { $0.id == record.job }?.notify ?? []
            if isPosted { notices.post(event, rules: rules) } else { notices.tell(event, rules: rules) }
        }
    }
}
