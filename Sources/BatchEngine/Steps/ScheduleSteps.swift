public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchLedger
internal import BatchSystem

/// `schedule.enqueue`: other jobs, put into the queue once the batch's rows before it are permanent; one job, or one for
/// each row of a query.
struct EnqueueStep: StepKind {
    static let name = "schedule.enqueue"

    var keys: KeyChoice {
        KeyChoice(
            KeyRule(
                EnqueueStep.name,
                .record(
                    KeyTable(
                        "a schedule.enqueue",
                        [
                            KeyRule("job", .text(.jobName), required: true, "The job to queue."),
                            KeyRule(
                                "rows", .query,
                                "One job for each row: its columns are parameters, and one called `tenant` the tenant."),
                            KeyRule("tenant", .argument, "The tenant of the jobs (the batch's)."),
                            KeyRule("set", .entries(.parameterName, .argument), "Parameters, with placeholders."),
                            KeyRule("priority", .integer(0...1_000_000), "Higher ones run first (`0`)."),
                            KeyRule("after", .text(.duration), "How long the jobs wait before they are ready."),
                            KeyRule("unique", .argument, "Queue nothing while a job with this key is open."),
                            KeyRule("sequence", .argument, "Jobs with this key run one after the other."),
                        ])), "Puts other jobs into the queue."), beside: CatalogRules.tries)
    }

    var place: StepPlace { .outside }

    func noun(_ step: StepDefinition) -> String { "queueing of jobs" }

    /// Jobs of one step at most.
    private static let most = 100_000

    func run(_ step: StepRun) throws(BatchError) {
        try step.retrying { () throws(BatchError) in
            let orders = try orders(step)
            let session = step.run.session
            let numbers = try session.control().enqueue(
                orders, by: try step.queuing(), actor: session.context.actor, at: session.context.now())
            session.context.reach("jobs-queued")
            try step.record(["jobs": .array(numbers.map { .integer($0) })])
        }
    }

    private func orders(_ step: StepRun) throws(BatchError) -> [QueueOrder] {
        let settings = step.definition.settings
        guard let id = settings["job"]?.string else { throw step.unreadable }
        let (session, placeholders) = (step.run.session, step.placeholders)
        func filled(_ text: String) throws(BatchError) -> String {
            try CommandTemplate([text]).filled(with: placeholders).first ?? ""
        }
        let job = try session.workspace.loadCatalog(session.context.steps.rules()).job(named: id)
        let tenant = try settings["tenant"]?.argumentText.map(filled) ?? step.run.batch.tenant
        var shared: [String] = []
        for member in settings["set"]?.members ?? [] {
            if let text = member.value.argumentText { shared.append("\(member.key)=\(try filled(text))") }
        }
        let delay = settings["after"]?.string.flatMap { Duration(text: $0) }?.wholeMilliseconds ?? 0
        let runAt = Timestamp(milliseconds: session.context.now().milliseconds + delay)
        var template = QueueOrder(job: id, priority: Int(settings["priority"]?.integer ?? 0), runAt: runAt)
        template.origin = session.context.traceOrigin
        template.uniqueKey = try settings["unique"]?.argumentText.map(filled)
        template.sequenceKey = try settings["sequence"]?.argumentText.map(filled)
        var orders: [QueueOrder] = []
        for (ownTenant, assignments) in try rows(step) {
            var order = template
            order.tenant = job.tenant == .none ? nil : ownTenant ?? tenant
            order.assignments = shared + assignments
            // Of several with one key the first would be the only one.
            if settings["rows"] != nil, let key = order.uniqueKey { order.uniqueKey = "\(key).\(orders.count + 1)" }
            _ = try ParameterValues(job, set: order.assignments)
            order.kind = QueueOrder.Kind(of: job)
            order.place = session.workspace.place(of: job, tenant: order.tenant)
            orders.append(order)
        }
        return orders
    }

    /// Tenant and parameters of each job; one without either where no query gives them.
    private func rows(_ step: StepRun) throws(BatchError) -> [(tenant: String?, assignments: [String])] {
        guard let query = step.definition.settings["rows"]?.string else { return [(nil, [])] }
        var found: [(String?, [String])] = []
        try step.gateway.showingOwnRows { () throws(BatchError) in
            let statement = try step.prepare(query: query, "rows").statement
            try statement.bind(named: step.bindings)
            defer { statement.reset() }
            while try statement.step() {
                var (tenant, assignments) = (String?.none, [String]())
                for column in 0..<statement.columnCount {
                    guard let text = statement.value(column).parameterText else { continue }
                    let name = statement.columnName(column)
                    if name == "tenant" { tenant = text } else { assignments.append("\(name)=\(text)") }
                }
                found.append((tenant, assignments))
                guard found.count <= EnqueueStep.most else {
                    throw BatchError(
                        .limitExceeded, "step \(step.definition.id) would queue more than \(EnqueueStep.most) jobs",
                        hint: "narrow its query: \(command: "catalog show --id \(step.run.job.id)")")
                }
            }
        }
        return found
    }

    // MARK: Taking back

    func objectionToUndo(
        _ effect: Effect, of batch: BatchRecord, beside undone: Set<Int64>, in session: Session
    ) -> UndoObjection? {
        QueuedJobs(effect).objectionToUndo(of: batch, beside: undone, in: session)
    }

    func undo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) {
        try QueuedJobs(effect).cancel(because: "\(batch.batch) was rolled back", in: session)
    }
}

/// `schedule.backfill`: the firings of a schedule in a span of time that did not happen.
struct BackfillStep: StepKind {
    static let name = "schedule.backfill"

    var keys: KeyChoice {
        KeyChoice(
            KeyRule(
                BackfillStep.name,
                .record(
                    KeyTable(
                        "a schedule.backfill",
                        [
                            KeyRule("schedule", .text(.jobName), required: true, "The schedule."),
                            KeyRule("from", .argument, required: true, "The first time, in UTC, with placeholders."),
                            KeyRule("to", .argument, required: true, "The last time."),
                        ])), "Queues the firings of a schedule that did not happen."), beside: CatalogRules.tries)
    }

    var place: StepPlace { .outside }

    func noun(_ step: StepDefinition) -> String { "queueing of jobs" }

    func run(_ step: StepRun) throws(BatchError) {
        guard let schedule = step.definition.settings["schedule"]?.string else { throw step.unreadable }
        let session = step.run.session
        func time(_ key: String) throws(BatchError) -> Timestamp {
            guard let text = step.definition.settings[key]?.argumentText else { throw step.unreadable }
            let filled = try CommandTemplate([text]).filled(with: step.placeholders).first ?? ""
            if let time = Timestamp(text: filled, now: session.context.now()) { return time }
            throw BatchError(
                .usage, "'\(key)' of step \(step.definition.id) is not a time like 2026-11-21T02:00",
                hint: "correct it: \(command: "catalog show --id \(step.run.job.id)")")
        }
        let (start, end) = (try time("from"), try time("to"))
        try step.retrying { () throws(BatchError) in
            let numbers = try session.context.backfill(
                session.workspace, session.context, schedule, start, end, try step.queuing())
            try step.record(["schedule": .string(schedule), "jobs": .array(numbers.map { .integer($0) })])
        }
    }

    func objectionToUndo(
        _ effect: Effect, of batch: BatchRecord, beside undone: Set<Int64>, in session: Session
    ) -> UndoObjection? {
        QueuedJobs(effect).objectionToUndo(of: batch, beside: undone, in: session)
    }

    func undo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) {
        try QueuedJobs(effect).cancel(because: "\(batch.batch) was rolled back", in: session)
    }
}

/// `schedule.wait`: until jobs that the batch has queued are done, files are there, or a time has come. It waits without
/// a worker and without the database: the batch stops, and goes on when its turn comes again.
struct WaitStep: StepKind {
    static let name = "schedule.wait"

    var keys: KeyChoice {
        KeyChoice(
            KeyRule(
                WaitStep.name,
                .record(
                    KeyTable(
                        "a schedule.wait",
                        [
                            KeyRule(
                                "jobs", .list(.text(.jobName), mayBeEmpty: false),
                                "Until all of these that the batch has queued are done."),
                            KeyRule(
                                "files", .list(.argument, mayBeEmpty: false),
                                "Until these are there, below the workspace folder."),
                            KeyRule("until", .argument, "Until this time, in UTC, with placeholders."),
                        ])), "Waits, without holding a worker or the database."))
    }

    var place: StepPlace { .files }

    func run(_ step: StepRun) throws(BatchError) {
        if let obstacle = try obstacle(step) {
            let batch = step.run.batch.batch
            throw BatchError(
                .stopped, "batch \(batch) waits in step \(step.definition.id) \(obstacle)",
                hint: "a worker continues it automatically; by hand: \(command: "resume --id \(batch)")",
                cause: .waiting,
                subject: .step(step.definition.id))
        }
        try step.record(["waited": true])
    }

    /// What it waits for; nil when there is nothing more.
    private func obstacle(_ step: StepRun) throws(BatchError) -> String? {
        let (settings, session) = (step.definition.settings, step.run.session)
        func filled(_ value: JSONValue) throws(BatchError) -> String {
            try CommandTemplate([value.argumentText ?? ""]).filled(with: step.placeholders).first ?? ""
        }
        if let text = try settings["until"].map(filled) {
            guard let time = Timestamp(text: text, now: session.context.now()) else {
                throw BatchError(
                    .usage, "'until' of step \(step.definition.id) is not a time like 2026-11-21T02:00",
                    hint: "correct it: \(command: "catalog show --id \(step.run.job.id)")")
            }
            if time > session.context.now() { return "for \(time.seconds)" }
        }
        for value in settings["files"]?.array ?? [] {
            let file = try filled(value)
            if FileStatus(FolderText.join(session.workspace.folder, file)) == nil { return "for the file '\(file)'" }
        }
        let names = Set(settings["jobs"]?.array?.compactMap(\.string) ?? [])
        guard !names.isEmpty else { return nil }
        let queuing = try step.queuing()
        for job in try session.control().queueJobs(queuedBy: queuing.batch, queuing.identity)
        where names.contains(job.order.job) {
            if job.state.isOpen { return "for job \(job.number) (\(job.order.job)), which is \(job.state.rawValue)" }
            guard job.state == .done || job.state == .resolved else {
                throw BatchError(
                    .commandFailed,
                    "step \(step.definition.id) waited for job \(job.number) (\(job.order.job)), which is \(job.state.rawValue)",
                    hint: "see why: \(command: "queue show --id \(job.number)")")
            }
        }
        return nil
    }
}

extension StepRun {
    /// As the queue keeps it of the jobs that this step queues.
    fileprivate func queuing() throws(BatchError) -> QueuingStep {
        QueuingStep(
            batch: "\(run.batch.batch)", step: definition.id,
            identity: try run.session.ledger.identity(of: run.batch))
    }
}

extension JSONValue {
    /// A scalar as it was typed.
    fileprivate var argumentText: String? {
        switch self {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .bool(let flag): "\(flag)"
        default: nil
        }
    }
}

extension SQLValue {
    /// As `--set` takes it; nil for NULL.
    fileprivate var parameterText: String? {
        switch self {
        case .integer(let number): "\(number)"
        case .real(let number): "\(number)"
        default: string
        }
    }
}

extension Workspace {
    /// The database that a job works on, as the queue tells them apart; empty when it is not known.
    public func place(of job: JobDefinition?, tenant: String?) -> String {
        guard let job, let database = try? whole.database(named: job.database) else { return "" }
        return database.tenancy == .file ? "\(database.name)/\(tenant ?? "")" : database.name
    }
}
