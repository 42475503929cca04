public import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine

/// The schedules of a workspace, as people see and change them.
public struct Schedules {
    private let workspace: Workspace
    private let context: Context

    public init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    // MARK: Looking

    /// What the files say counts also where no service has read them yet.
    public func list() throws(BatchError) -> ScheduleListReport {
        let now = context.now()
        let catalog = try workspace.loadCatalog(StepRegistry.builtIn.rules())
        let store = try workspace.hasRecords ? context.store(of: workspace) : nil
        let known = try store?.schedules() ?? []
        var entries: [ScheduleListReport.Entry] = []
        for job in catalog.jobs {
            guard let definition = job.schedule else { continue }
            let record = known.first { $0.name == job.id && $0.source == .catalog }
            entries.append(
                .init(
                    name: job.id, preview: try definition.preview(job: job.id, after: now, count: 1),
                    pause: record?.pause?.words, latest: try store?.firings(of: job.id, limit: 1).first))
        }
        for record in known where record.source == .command {
            entries.append(
                .init(
                    name: record.name,
                    preview: try record.definition.preview(job: record.job, after: now, count: 1),
                    pause: record.pause?.words, latest: try store?.firings(of: record.name, limit: 1).first))
        }
        return ScheduleListReport(schedules: entries)
    }

    /// What has become of the firings of a schedule, or of all.
    public func history(_ name: String?, limit: Int) throws(BatchError) -> ScheduleHistoryReport {
        let store = try context.store(of: workspace)
        if let name { _ = try known(name, store) }
        return ScheduleHistoryReport(firings: try store.firings(of: name, limit: limit))
    }

    /// The next firings of a schedule, whether it is paused or not.
    public func next(_ name: String, count: Int) throws(BatchError) -> ScheduleNextReport {
        let record = try known(name, try ready().1)
        return try record.definition.preview(job: record.job, after: context.now(), count: count)
    }

    /// The schedule of this name; of those that a command has made where a job has none of its own.
    public func definition(named name: String) throws(BatchError) -> (job: String, schedule: ScheduleDefinition)? {
        guard workspace.hasRecords, let record = try context.store(of: workspace).schedule(name) else { return nil }
        return (record.job, record.definition)
    }

    // MARK: Changing

    /// - Throws: `ERR_UX_USAGE` when the expression, the zone or a parameter is wrong; `ERR_UX_UNKNOWN_JOB`;
    ///   `ERR_UX_WRONG_STATE` when there is one of this name.
    public func add(
        _ name: String, job id: String, _ definition: ScheduleDefinition, replacing: Bool
    ) throws(BatchError) -> ScheduleChangeReport {
        guard JobID.isValid(name) else {
            throw BatchError(.usage, "'\(name)' is not a name for a schedule", hint: "write \(JobID.rule)")
        }
        let (scheduler, store) = try ready()
        let catalog = try workspace.loadCatalog(StepRegistry.builtIn.rules())
        let job = try catalog.job(named: id)
        let today = String(context.now().iso8601.prefix(10))
        _ = try ParameterValues(
            job,
            set: definition.assignments.map { text in
                text.replacing("{date}", with: today).replacing("{time}", with: context.now().seconds)
            })
        if job.tenant == .none, definition.tenant != nil {
            throw BatchError(.usage, "job \(id) takes no tenant", hint: "leave out --tenant")
        }
        for needed in definition.needs where try store.schedule(needed) == nil {
            throw unknown(needed, try store.schedules())
        }
        if let other = try store.schedule(name) {
            guard other.source == .command else {
                throw BatchError(
                    .wrongState, "the file of job \(name) has the schedule of this name",
                    hint: "choose another name, or change the file")
            }
            guard replacing else {
                throw BatchError(
                    .wrongState, "there is already a schedule \(name)", hint: "add --replace to replace it")
            }
        }
        let record = try scheduler.record(name, job: id, definition, source: .command, actor: context.actor)
        try store.put(record, at: context.now())
        return try report(.added, record)
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when a file declares it; `ERR_UX_USAGE` when there is none.
    public func remove(_ name: String) throws(BatchError) -> ScheduleChangeReport {
        let (_, store) = try ready()
        let record = try known(name, store)
        guard record.source == .command else {
            throw BatchError(
                .wrongState, "the schedule \(name) is in the file of its job",
                hint:
                    "remove schedule: from the file; to keep it from firing for a while: \(command: "schedule pause --id \(name) --reason TEXT")"
            )
        }
        _ = try store.removeSchedule(name)
        return ScheduleChangeReport(.removed, name: name, next: nil)
    }

    public func pause(_ name: String, reason: String) throws(BatchError) -> ScheduleChangeReport {
        let (_, store) = try ready()
        var record = try known(name, store)
        record.pause = .init(actor: context.actor, reason: reason, at: context.now())
        try store.pause(record, at: context.now())
        return try report(.paused, record)
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when it is not paused.
    public func resume(_ name: String) throws(BatchError) -> ScheduleChangeReport {
        let (_, store) = try ready()
        var record = try known(name, store)
        guard record.pause != nil else {
            throw BatchError(
                .wrongState, "the schedule \(name) is not paused", hint: "see them: \(command: "schedule list")")
        }
        record.pause = nil
        record.seenTo = context.now()
        record.next = try record.definition.rule(named: name).next(after: record.seenTo)
        try store.pause(record, at: context.now())
        return try report(.resumed, record)
    }

    /// Queues the job of a schedule now, whatever its time, its pause and its rules.
    public func trigger(_ name: String) throws(BatchError) -> ScheduleChangeReport {
        let (_, store) = try ready()
        let now = context.now()
        let firings = try fire(try known(name, store), [now], .trigger, store, now)
        return ScheduleChangeReport(.triggered, name: name, next: nil, jobs: firings.compactMap(\.job))
    }

    // MARK: Backfill

    private static let mostAtOnce = 10_000

    /// The instants of a span that have no firing, or a missed one.
    /// - Throws: `ERR_UX_USAGE` when there are too many.
    public func gaps(_ name: String, from start: Timestamp, to end: Timestamp) throws(BatchError) -> [Timestamp] {
        let (_, store) = try ready()
        let rule = try known(name, store).definition.rule(named: name)
        let last = min(end, context.now())
        let decided = try store.decided(name, from: start, to: last)
        var instants: [Timestamp] = []
        var next = rule.next(after: Timestamp(milliseconds: start.milliseconds - 1))
        while let time = next, time <= last {
            if !decided.contains(time) { instants.append(time) }
            guard instants.count <= Schedules.mostAtOnce else {
                throw BatchError(
                    .usage, "\(name) fires more than \(Schedules.mostAtOnce) times in this span",
                    hint: "use shorter spans")
            }
            next = rule.next(after: time)
        }
        return instants
    }

    public func backfill(_ name: String, _ instants: [Timestamp]) throws(BatchError) -> ScheduleChangeReport {
        let (_, store) = try ready()
        let firings = try fire(try known(name, store), instants, .backfill, store, context.now())
        return ScheduleChangeReport(.backfilled, name: name, next: nil, jobs: firings.compactMap(\.job))
    }

    /// For a step, however often it begins again.
    public static func backfill(
        _ workspace: Workspace, _ context: Context, _ name: String, _ start: Timestamp, _ end: Timestamp,
        _ by: QueuingStep
    ) throws(BatchError) -> [Int64] {
        let schedules = Schedules(workspace, context: context)
        let store = try context.store(of: workspace)
        let instants = try schedules.gaps(name, from: start, to: end)
        _ = try schedules.fire(try schedules.known(name, store), instants, .backfill, store, context.now(), by: by)
        return try store.queueJobs(queuedBy: by.batch, by.identity).filter { $0.order.queuedBy?.step == by.step }
            .map(\.number)
    }

    private func fire(
        _ record: ScheduleRecord, _ instants: [Timestamp], _ cause: FiringCause, _ store: any ScheduleStore,
        _ now: Timestamp, by: QueuingStep? = nil
    ) throws(BatchError) -> [Firing] {
        let job = try workspace.loadCatalog(StepRegistry.builtIn.rules()).job(named: record.job)
        let rule = try record.definition.rule(named: record.name)
        let firings = try context.traced(firing: record) { () throws(BatchError) in
            let source = try ScheduledOrders(record, job, rule, workspace, context)
            return try store.fire(
                record, instants.map { PlannedFiring(instant: $0, decision: .queue(runAt: now)) }, cause: cause,
                seenTo: nil,
                at: now
            ) { instant in
                source.orders(at: instant).map { order in
                    var order = order
                    order.queuedBy = by
                    return order
                }
            }
        }
        let actor = context.actor
        context.log.write(
            .info, "schedule.\(cause.rawValue)", "\(actor) has queued \(firings.count) of \(record.name)",
            module: .runner)
        return firings
    }

    // MARK: Names

    private func ready() throws(BatchError) -> (Scheduler, any ControlStore) {
        var scheduler = try Scheduler(workspace, context: context)
        try scheduler.readCatalog()
        return (scheduler, try context.store(of: workspace))
    }

    private func known(_ name: String, _ store: any ScheduleStore) throws(BatchError) -> ScheduleRecord {
        if let record = try store.schedule(name) { return record }
        throw unknown(name, try store.schedules())
    }

    private func unknown(_ name: String, _ all: [ScheduleRecord]) -> BatchError {
        BatchError(
            .unknownSchedule, "there is no schedule '\(name)'\(Suggestion.clause(for: name, in: all.map(\.name)))",
            hint: "see them: \(command: "schedule list")")
    }

    private func report(
        _ change: ScheduleChangeReport.Change, _ record: ScheduleRecord
    ) throws(BatchError) -> ScheduleChangeReport {
        let isOn = record.pause == nil
        let next = try isOn ? record.definition.preview(job: record.job, after: context.now(), count: 5) : nil
        return ScheduleChangeReport(change, name: record.name, next: next)
    }
}

extension ScheduleRecord.Pause {
    var words: String { "paused by \(actor) since \(at.seconds): \(reason)" }
}

extension ScheduleDefinition {
    /// - Throws: `ERR_UX_USAGE` when expression or zone is wrong.
    public func firingTimes() throws(BatchError) -> FiringTimes {
        FiringTimes(try CronExpression(reading: cron), clock: try TimeZones.clock(timezone), gap: gap, fold: fold)
    }

    /// - Throws: `ERR_UX_USAGE` when expression or zone is wrong.
    public func rule(named name: String) throws(BatchError) -> ScheduleRule {
        ScheduleRule(name, self, times: try firingTimes(), clock: try TimeZones.clock(timezone))
    }

    /// The next firings without those on blackout dates, in UTC and as the clocks of its zone show them.
    /// - Throws: `ERR_UX_USAGE` when expression or zone is wrong.
    public func preview(
        job: String?, after time: Timestamp, count: Int
    ) throws(BatchError) -> ScheduleNextReport {
        let times = try rule(named: job ?? "").firings(count, after: time)
        let clock = try TimeZones.clock(timezone)
        return ScheduleNextReport(
            job: job, schedule: self,
            times: times.map { time in
                .init(time: time, offset: clock.period(at: time.milliseconds / 1_000).offset)
            })
    }
}
