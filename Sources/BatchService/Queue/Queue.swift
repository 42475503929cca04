public import BatchCatalog
public import BatchControl
public import BatchCore
public import BatchEngine

/// The queue of a workspace, as people see and change it.
public struct Queue {
    private let workspace: Workspace
    private let context: Context
    private let store: any QueueStore
    private let catalog: KeptCatalog

    public init(_ workspace: Workspace, context: Context) throws(BatchError) {
        try self.init(workspace, context: context, KeptCatalog(workspace))
    }

    init(_ workspace: Workspace, context: Context, _ catalog: KeptCatalog) throws(BatchError) {
        self.workspace = workspace
        self.catalog = catalog
        self.context = context
        store = try context.store(of: workspace)
    }

    /// - Throws: what a run of the job would refuse: an unknown job, a wrong parameter, a tenant that is missing.
    public func add(_ order: QueueOrder) throws(BatchError) -> QueueJobReport {
        let job = try catalog.read(at: context.now()).job(named: order.job)
        _ = try ParameterValues(job, set: order.assignments)
        if job.repair?.isFlagOnly == true {
            throw BatchError(
                .usage, "job \(job.id) only reports what is wrong, and changes nothing",
                hint: "see it: \(command: "heal scan \(job.id)")")
        }
        if job.tenant == .required, order.tenant == nil, try !workspace.repairsAllTenants(job) {
            throw BatchError(.usage, "job \(job.id) needs a tenant", hint: "name it: --tenant NAME")
        }
        if job.tenant == .none && order.tenant != nil {
            throw BatchError(.usage, "job \(job.id) takes no tenant", hint: "leave out --tenant")
        }
        try workspace.requireNotIsolated(order.tenant, context, "job \(job.id)")
        var order = order
        order.kind = QueueOrder.Kind(of: job)
        order.place = workspace.place(of: job, tenant: order.tenant)
        order.origin = context.traceOrigin
        let (added, isNew) = try store.enqueue(order, actor: context.actor, at: context.now())
        return try report(added, isNew: isNew)
    }

    /// - Throws: `ERR_UX_USAGE` when there is no such job.
    public func show(_ number: Int64) throws(BatchError) -> QueueJobReport {
        guard let job = try store.queueJob(number) else {
            throw BatchError(
                .unknownQueueJob, "the queue has no job \(number)", hint: "see what is in it: \(command: "queue list")")
        }
        return try report(job, attempts: try store.queueAttempts(number))
    }

    /// - Parameters:
    ///   - isStuck: only those that have been in their state for too long.
    ///   - isRemoved: those that can still be restored, instead of those that are there.
    public func list(
        states: [QueueState], job: String?, tenant: String?, isStuck: Bool = false, isRemoved: Bool = false,
        limit: Int = 1_000
    ) throws(BatchError) -> QueueListReport {
        let now = context.now()
        var filter = QueueFilter(
            states: states, job: job, tenant: tenant, stuckAt: isStuck ? now : nil, ages: workspace.queue.ages,
            isRemoved: isRemoved)
        let total = try store.queueCount(filter)
        filter.limit = limit
        var entries: [QueueListReport.Entry] = []
        let jobs = try store.queueJobs(filter)
        let obstacles = try store.obstacles(before: jobs)
        for job in jobs {
            entries.append(
                QueueListReport.Entry(job: job, obstacle: obstacles[job.number], ages: workspace.queue.ages))
        }
        return QueueListReport(
            entries: entries, total: total, counts: try store.queueCounts(), pauses: try store.queuePauses(), now: now)
    }

    // MARK: Many at once

    /// How many jobs an action would be done to.
    public func count(_ action: QueueBulkAction, _ filter: QueueFilter) throws(BatchError) -> Int {
        try store.queueCount(action, filter)
    }

    /// Does it to all of them, as far as nobody asks to stop.
    /// - Parameters:
    ///   - confirmed: how many somebody has confirmed.
    ///   - span: no new slice is begun after it; nil: all of it.
    ///   - progress: told how many it was done to so far.
    public func act(
        _ action: QueueBulkAction, _ filter: QueueFilter, confirmed: Int, reason: String,
        within span: Duration? = nil, progress: (Int) -> Void
    ) throws(BatchError) -> QueueBulkReport {
        let wanted = try count(action, filter)
        // More may have come while somebody typed the number.
        guard wanted <= confirmed else {
            throw BatchError(
                .usage, "not confirmed: \(action.rawValue) of \(wanted) jobs, there are more by now",
                hint: "confirm \(wanted) when that is what you want")
        }
        var (done, behind) = (0, Int64(0))
        let clock = ContinuousClock()
        let end = span.map { clock.now.advanced(by: $0) }
        while context.stopWish() == .goOn, end.map({ clock.now < $0 }) ?? true {
            let (changed, last) = try store.act(
                action, filter, behind: behind, reason: by(reason), at: context.now())
            guard let last else { break }
            (done, behind) = (done + changed, last)
            progress(done)
        }
        return QueueBulkReport(action: action.rawValue, wanted: wanted, done: done)
    }

    public func limit(_ most: Int?, of subject: QueueLimit.Subject) throws(BatchError) -> QueueLimitReport {
        if case .job(let name) = subject {
            _ = try workspace.loadCatalog(StepRegistry.builtIn.rules()).job(named: name)
        }
        try store.setQueueLimit(most, of: subject)
        return try limits()
    }

    public func limits() throws(BatchError) -> QueueLimitReport { QueueLimitReport(limits: try store.queueLimits()) }

    public func cancel(_ number: Int64, reason: String) throws(BatchError) -> QueueJobReport {
        try report(try store.cancel(number, reason: by(reason), at: context.now()))
    }

    public func retry(_ number: Int64) throws(BatchError) -> QueueJobReport {
        try report(try store.retry(number, at: context.now()))
    }

    public func resolve(_ number: Int64, reason: String) throws(BatchError) -> QueueJobReport {
        try report(try store.resolve(number, reason: by(reason), at: context.now()))
    }

    public func redrive(job: String?, tenant: String?) throws(BatchError) -> QueueChangeReport {
        let numbers = try store.redrive(QueueFilter(job: job, tenant: tenant), at: context.now())
        return QueueChangeReport(.redriven, jobs: numbers)
    }

    public func pause(job: String?, reason: String) throws(BatchError) -> QueueChangeReport {
        if let job { _ = try workspace.loadCatalog(StepRegistry.builtIn.rules()).job(named: job) }
        try store.pause(QueuePause(job: job, actor: context.actor, reason: reason, at: context.now()))
        return QueueChangeReport(.paused(job: job))
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when nothing is paused.
    public func resume(job: String?) throws(BatchError) -> QueueChangeReport {
        guard try store.unpause(job: job) else {
            throw BatchError(
                .wrongState, job.map { "jobs of \($0) are not paused" } ?? "the queue is not paused",
                hint: "see what is: \(command: "queue list")")
        }
        return QueueChangeReport(.resumed(job: job))
    }

    private func by(_ reason: String) -> String { "\(context.actor): \(reason)" }

    private func report(
        _ job: QueueJob, attempts: [QueueAttempt] = [], isNew: Bool? = nil
    ) throws(BatchError) -> QueueJobReport {
        QueueJobReport(
            entry: QueueListReport.Entry(job: job, obstacle: try store.obstacle(before: job)), attempts: attempts,
            isNew: isNew,
            now: context.now())
    }
}

extension Workspace {
    /// Whether one job of the queue repairs what is wrong for all tenants, with a batch for each.
    func repairsAllTenants(_ job: JobDefinition) throws(BatchError) -> Bool {
        guard job.repair != nil else { return false }
        return try database(named: job.database).tenancy != .file
    }
}
