public import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine
internal import BatchSystem

/// Fires what is due. Everything that it must remember is in the store: another one, here or in another process, goes on
/// where this one came to.
public struct Scheduler {
    private let workspace: Workspace
    private let context: Context
    private let store: any ScheduleStore
    /// By name, with the definition that they were made of.
    private var rules: [String: ScheduleRule] = [:]
    /// How the folder of the jobs looked when it was read.
    private var seenFiles: [String: FileStatus]?
    private var jobs: [String: JobDefinition] = [:]

    public init(_ workspace: Workspace, context: Context) throws(BatchError) {
        self.workspace = workspace
        self.context = context
        store = try context.store(of: workspace)
    }

    // MARK: The catalog

    /// Takes over what the files of the jobs say. A schedule that is new, or another than it was, fires from now on.
    public mutating func readCatalog() throws(BatchError) {
        let files = try catalogFiles()
        guard files != seenFiles else { return }
        let catalog = try workspace.loadCatalog(StepRegistry.builtIn.rules())
        jobs = Dictionary(catalog.jobs.map { ($0.id, $0) }) { first, _ in first }
        let known = Dictionary(try store.schedules().map { ($0.name, $0) }) { first, _ in first }
        for job in catalog.jobs {
            guard let definition = job.schedule else { continue }
            if let other = known[job.id], other.source == .catalog, other.definition == definition { continue }
            try store.put(
                try record(job.id, job: job.id, definition, source: .catalog, actor: context.actor), at: context.now())
        }
        // A file with a mistake says nothing: its schedule stays until it can be read again.
        let broken = Set(catalog.broken.compactMap(\.id))
        for (name, schedule) in known where schedule.source == .catalog {
            if jobs[name]?.schedule == nil, !broken.contains(name) { _ = try store.removeSchedule(name) }
        }
        seenFiles = files
    }

    private func catalogFiles() throws(BatchError) -> [String: FileStatus] {
        guard let folder = workspace.catalog, FileStatus(folder) != nil else { return [:] }
        var files: [String: FileStatus] = [:]
        for name in try Folder.names(in: folder) { files[name] = FileStatus("\(folder)/\(name)") }
        return files
    }

    /// A schedule that begins now.
    /// - Throws: `ERR_UX_USAGE` when expression or zone is wrong.
    func record(
        _ name: String, job: String, _ definition: ScheduleDefinition, source: ScheduleRecord.Source, actor: String
    ) throws(BatchError) -> ScheduleRecord {
        let now = context.now()
        return ScheduleRecord(
            name: name, job: job, definition: definition, source: source, actor: actor, seenTo: now,
            next: try definition.rule(named: name).next(after: now))
    }

    // MARK: Firing

    /// - Returns: what was decided now.
    public mutating func tick() throws(BatchError) -> [Firing] {
        try readCatalog()
        let now = context.now()
        var firings: [Firing] = []
        for schedule in try store.dueSchedules(at: now) { firings += try fire(schedule, at: now) }
        return firings + (try settleWaiting(at: now))
    }

    private mutating func fire(_ schedule: ScheduleRecord, at now: Timestamp) throws(BatchError) -> [Firing] {
        let rule = try rule(schedule)
        // The clock was set back: what has a firing keeps it, the rest is looked at again.
        let planned = schedule.seenTo > now ? [] : rule.decide(after: schedule.seenTo, until: now)
        let work = context.firing()
        let firings = try work.traced(firing: schedule) { () throws(BatchError) in
            let source = try ScheduledOrders(
                schedule, jobs[schedule.job], rule, workspace, work, isNeeded: planned.contains { $0.queues })
            return try store.fire(
                schedule, planned, cause: .clock, seenTo: (now, rule.next(after: now)), at: now, orders: source.orders)
        }
        for firing in firings { tell(firing, work) }
        return firings
    }

    private mutating func rule(_ schedule: ScheduleRecord) throws(BatchError) -> ScheduleRule {
        if let known = rules[schedule.name], known.definition == schedule.definition { return known }
        let rule = try schedule.definition.rule(named: schedule.name)
        rules[schedule.name] = rule
        return rule
    }

    private mutating func settleWaiting(at now: Timestamp) throws(BatchError) -> [Firing] {
        var settled: [Firing] = []
        for (firing, until) in try store.waitingFirings() {
            guard let schedule = try store.schedule(firing.schedule) else { continue }
            let within = schedule.definition.within.wholeMilliseconds
            let since = Timestamp(milliseconds: firing.instant.milliseconds - within)
            var missing: [String] = []
            for name in schedule.definition.needs where try store.lacks(name, since: since) { missing.append(name) }
            if !missing.isEmpty, until > now { continue }
            let rule = try rule(schedule)
            let work = context.firing()
            let done = try work.traced(firing: schedule) { () throws(BatchError) -> [Firing] in
                var (orders, reason) = ([QueueOrder](), "\(missing.joined(separator: ", ")) was not done in time")
                if missing.isEmpty {
                    orders = try ScheduledOrders(schedule, jobs[schedule.job], rule, workspace, work)
                        .orders(at: firing.instant)
                    for place in orders.indices { orders[place].runAt = rule.runAt(firing.instant, now) }
                    reason = "there is no tenant"
                }
                let done = try store.settle(firing, orders, reason: orders.isEmpty ? reason : nil, at: now)
                return done.map { [$0] } ?? []
            }
            for firing in done { tell(firing, work) }
            settled += done
        }
        return settled
    }

    /// - Parameter work: in whose trace it was decided.
    private func tell(_ firing: Firing, _ work: Context) {
        if firing.outcome == .missed {
            let message =
                "\(firing.schedule) did not run at \(firing.instant.seconds): \(firing.reason ?? "it was missed")"
            Notices(workspace, context: work).post(
                .init(.missed, job: firing.schedule, tenant: nil, message: message, at: context.now()),
                rules: jobs[firing.schedule]?.notify ?? [])
        }
        let what = firing.job.map { "job \($0)" } ?? firing.outcome.rawValue
        work.log.write(
            firing.outcome == .missed ? .warn : .info, "schedule.firing",
            "\(firing.schedule) at \(firing.instant.seconds): \(what)\(firing.reason.map { ", " + $0 } ?? "")",
            module: .runner)
    }
}

extension Context {
    /// What a firing does, with a trace of its own.
    fileprivate func firing() -> Context {
        var work = self
        work.traceID = randomID()
        work.log = log.following(work)
        return work
    }

    /// Decides firings of a schedule as one span, which names the jobs that were queued.
    func traced(
        firing schedule: ScheduleRecord, _ body: () throws(BatchError) -> [Firing]
    ) throws(BatchError) -> [Firing] {
        try traced(
            "schedule \(schedule.name)", [.init("batchmgr.job", .string(schedule.job))], kind: .producer,
            ending: { firings in
                let jobs = firings.compactMap(\.job)
                return jobs.isEmpty ? [] : [.init("batchmgr.queue.jobs", .array(jobs.map { .integer($0) }))]
            }, body)
    }
}

extension PlannedFiring {
    fileprivate var queues: Bool { if case .queue = decision { true } else { false } }
}

/// The jobs of the firings of a schedule: one; or one for each tenant, when the job runs for a tenant and the schedule
/// names none.
struct ScheduledOrders {
    private let record: ScheduleRecord
    private let job: JobDefinition?
    private let rule: ScheduleRule
    private let workspace: Workspace
    private let tenants: [String?]
    private let origin: TraceOrigin

    /// The parameter of a job that is given the time of its firing, where the job declares it.
    private static let timeParameter = "scheduled_for"

    /// - Parameters:
    ///   - job: nil when its file cannot be read now; the worker will say so.
    ///   - isNeeded: false leaves out what costs to find.
    init(
        _ record: ScheduleRecord, _ job: JobDefinition?, _ rule: ScheduleRule, _ workspace: Workspace,
        _ context: Context, isNeeded: Bool = true
    ) throws(BatchError) {
        self.record = record
        self.job = job
        self.rule = rule
        self.workspace = workspace
        origin = context.traceOrigin
        if isNeeded, let job, job.tenant == .required, record.definition.tenant == nil,
            try !workspace.repairsAllTenants(job)
        {
            tenants = try workspace.tenants(of: job.database, context: context)
        } else {
            tenants = [record.definition.tenant]
        }
    }

    func orders(at instant: Timestamp) -> [QueueOrder] {
        var assignments = record.definition.assignments.map { text in
            text.replacing("{date}", with: rule.date(of: instant)).replacing("{time}", with: instant.seconds)
        }
        let name = ScheduledOrders.timeParameter
        if job?.parameters.contains(where: { $0.name == name }) == true,
            !assignments.contains(where: { $0.hasPrefix(name + "=") })
        {
            assignments.append("\(name)=\(instant.seconds)")
        }
        return tenants.map { tenant in
            var order = QueueOrder(job: record.job, tenant: tenant, assignments: assignments, runAt: instant)
            order.schedule = record.name
            order.origin = origin
            order.kind = QueueOrder.Kind(of: job)
            order.place = workspace.place(of: job, tenant: tenant)
            return order
        }
    }
}
