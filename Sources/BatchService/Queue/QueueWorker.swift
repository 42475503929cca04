public import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine
internal import BatchHealing
internal import BatchLedger
internal import BatchSystem

/// Takes jobs from the queue and runs them, one after the other, in this process.
public final class QueueWorker {
    private let workspace: Workspace
    private let context: Context
    private let store: any ControlStore
    private let random: @Sendable () -> Double
    /// The database that the last jobs were on, kept open.
    private var series: (place: String, jobs: BatchSeries)?
    private let catalog: KeptCatalog
    private let pulse: WorkerPulse

    /// Bytes that this process may hold; nil: any number. After the job with which it has more, it ends.
    public var mostMemory: Int64?
    /// Why it has ended although nobody asked it to.
    public private(set) var ending: String?

    /// Settled jobs are kept so long.
    private static let memory: Duration = .seconds(90 * 86_400)
    /// What was removed can be taken back for so long.
    private static let trash: Duration = .seconds(86_400)
    /// Milliseconds for which the lease is left to who waits for it.
    private static let turnaround: Int64 = 100
    /// Milliseconds until a batch that waits for something is looked at again.
    private static let look: Int64 = 5_000
    /// Milliseconds until a repair that is frozen or halted is tried again.
    private static let holding: Int64 = 60_000

    public init(
        _ workspace: Workspace, context: Context, random: @escaping @Sendable () -> Double = { .random(in: 0...1) }
    ) throws(BatchError) {
        self.workspace = workspace
        catalog = KeptCatalog(workspace)
        var context = context
        context.backfill = Schedules.backfill
        self.context = context
        self.random = random
        store = try context.store(of: workspace)
        pulse = WorkerPulse { [workspace, context] () throws(BatchError) in try context.store(of: workspace) }
    }

    /// - Parameters:
    ///   - untilEmpty: end when nothing is ready and nothing is about to be tried again; else only when it is asked to
    ///     stop.
    ///   - note: told of each job when it is taken, and as it stands afterwards.
    public func work(
        untilEmpty: Bool, note: (QueueJob) throws(BatchError) -> Void
    ) throws(BatchError) -> QueueWorkReport {
        do throws(BatchError) {
            return try workOn(untilEmpty: untilEmpty, note: note)
        } catch {
            throw context.isControlDamage(error, of: workspace) ? Service.damaged(workspace) : error
        }
    }

    private func workOn(
        untilEmpty: Bool, note: (QueueJob) throws(BatchError) -> Void
    ) throws(BatchError) -> QueueWorkReport {
        let start = context.now().milliseconds
        Allocation.keepsEndOfHeap()
        try store.forgetJobs(
            settledBefore: Timestamp(milliseconds: start - QueueWorker.memory.wholeMilliseconds),
            removedBefore: Timestamp(milliseconds: start - QueueWorker.trash.wholeMilliseconds))
        if untilEmpty { try ExpiredPlans(workspace, context: context).reject(isPosted: false) }
        var report = QueueWorkReport()
        /// It is ours already.
        var claimed: QueueJob?
        defer { endSeries() }
        while claimed != nil || context.stopWish() == .goOn {
            let now = context.now()
            if claimed == nil, let jobs = series?.jobs, !jobs.mayGoOn {
                let isWanted = jobs.isWanted
                endSeries()
                // Who waits looks again within this.
                if isWanted { context.sleep(QueueWorker.turnaround) }
            }
            guard store.isCurrent else { throw Service.lost(workspace) }
            do throws(BatchError) {
                if claimed == nil { claimed = try store.claim(.current(), at: now, on: series?.place) }
            } catch {
                // Who has locked it for long is told of by the service; its workers wait too.
                guard error.code == .busy, !untilEmpty else { throw error }
                context.sleep(500)
                continue
            }
            if let job = claimed {
                claimed = nil
                try note(job)
                let ended: QueueJob?
                (ended, claimed) = try attempt(job)
                guard let ended else { continue }
                report.add(ended)
                try note(ended)
                if ending != nil { break }
            } else if series != nil {
                // Nothing follows: what waits is completed, and jobs of dead workers are looked for.
                endSeries()
            } else {
                let wait = try store.nextLook(after: now).map { $0.milliseconds - now.milliseconds }
                if untilEmpty, wait == nil { break }
                context.sleep(min(wait ?? 500, 500))
            }
        }
        return report
    }

    private func isTooLarge(behind job: QueueJob) -> Bool {
        guard let mostMemory, let size = HostFigures.residentMemory, size > mostMemory else { return false }
        let words =
            "worker \(Environment.processID) ends after job \(job.number) (\(job.order.job)): \(QueueWorker.tooLarge(size, mostMemory))"
        context.log.write(.warn, "service.worker", words, module: .runner)
        ending = words
        return true
    }

    static func tooLarge(_ size: Int64, _ most: Int64) -> String {
        "it holds \(size >> 20) MiB, more than the \(most >> 20) MiB of queue.worker_mib"
    }

    /// - Returns: the job as it stands then; nil when it was taken from this worker. And the next one, when it was taken at
    ///   the same time.
    private func attempt(_ job: QueueJob) throws(BatchError) -> (ended: QueueJob?, next: QueueJob?) {
        context.reach("job-claimed")
        let watch = JobHeartbeat(job, context: context)
        pulse.follow(watch)
        defer { pulse.follow(nil) }
        let outcome = try outcome(of: job, watch)
        context.reach("job-run")
        var (ended, next): (QueueJob?, QueueJob?) = (nil, nil)
        if !isTooLarge(behind: job), let series, context.stopWish() == .goOn, series.jobs.mayGoOn {
            (ended, next) = try store.finish(
                job, outcome, at: context.now(), claimingFor: .current(), on: series.place)
        } else {
            ended = try store.finish(job, outcome, at: context.now())
        }
        context.log.write(
            ended?.state.isLost == true ? .error : .info, "queue.attempt",
            "job \(job.number) (\(job.order.job)): \(ended?.state.rawValue ?? "taken by another worker")",
            module: .runner)
        return (ended, next)
    }

    /// - Throws: `ERR_PERF_LEASE_LOST` when it is `control.db` that cannot be read: the job is not to blame.
    private func outcome(of job: QueueJob, _ watch: JobHeartbeat) throws(BatchError) -> QueueOutcome {
        do throws(BatchError) {
            let definition = try catalog.read(at: context.now()).job(named: job.order.job)
            if definition.repair != nil { return outcome(try repair(job, definition, watch), of: job, watch) }
            switch try run(job, definition, watch) {
            case .ran(let report): return .done(batch: report.batch.description)
            case .planned(let plan): return .planned(plan: plan.id.number)
            }
        } catch {
            if context.isControlDamage(error, of: workspace) { throw Service.damaged(workspace) }
            return outcome(error, of: job, watch)
        }
    }

    private func outcome(_ error: BatchError, of job: QueueJob, _ watch: JobHeartbeat) -> QueueOutcome {
        if error.cause == .waiting, !watch.isCancelled {
            count(error, job, isOverdue: false)
            let then = Timestamp(milliseconds: context.now().milliseconds + QueueWorker.look)
            return .heldBack(reason: error.message, until: then)
        }
        if let wait = wait(behind: error, job) { return wait }
        if error.code == .stopped {
            if watch.isCancelled { return .cancelled(reason: "cancelled while it ran: \(error.message)") }
            if context.stopWish() != .goOn, !isLostOutside(error, job) {
                return .heldBack(reason: "the worker was stopped", until: context.now())
            }
            // Somebody has stopped the batch itself.
            if !watch.isOverdue, context.stopWish() == .goOn {
                return .failed(reason: "\(error.code.rawValue): \(error.message)")
            }
        }
        count(error, job, isOverdue: watch.isOverdue)
        if isLostOutside(error, job) {
            let known = error.code == .notReplayable ? "" : "; nobody knows whether its program has done its work"
            let limit = watch.isOverdue ? job.order.timeout : nil
            let why = limit.map { " (the time of the job, \($0.text), was over)" } ?? ""
            return .gaveUp(reason: "\(error.code.rawValue): \(error.message)\(why)\(known)")
        }
        return QueueOutcome(error, of: job, at: context.now(), jitter: random())
    }

    /// A program or a plugin was ended before its end, or with its worker, and must not run twice.
    private func isLostOutside(_ error: BatchError, _ job: QueueJob) -> Bool {
        guard error.cause == .unknownOutcome else { return false }
        return (try? catalog.read(at: context.now()).job(named: job.order.job))?.isIdempotent != true
    }

    /// Behind a half-done batch of its definition a job waits, whatever became of that one: nothing fails because of another.
    private func wait(behind error: BatchError, _ job: QueueJob) -> QueueOutcome? {
        guard case .halfDone(let batch, let key) = error.cause, key != job.runKey else { return nil }
        let now = context.now().milliseconds
        let other = key.flatMap { try? store.begunJob(runKey: $0) }
        if let other, other.state.isOpen {
            return .heldBack(
                reason: "waits for job \(other.number), which has done a part of its work",
                until: max(Timestamp(milliseconds: now + 1_000), other.order.runAt))
        }
        // A person decides.
        let goOn: HintCommand =
            other.map { $0.state == .resolved ? "resume --id \(batch)" : "queue retry --id \($0.number)" }
            ?? "resume --id \(batch)"
        let undo: HintCommand = "rollback --id \(batch)"
        let place = definitionPlace(of: job)
        let whose = other.map { " of job \($0.number), which is \($0.state.rawValue)," } ?? ""
        return .heldBack(
            reason:
                "waits until \(batch)\(whose) is complete or undone; continue it: \(goOn.text(place)); or undo it: \(undo.text(place))",
            until: Timestamp(milliseconds: now + QueueWorker.holding))
    }

    /// How a command about the batches of a job is to be typed.
    private func definitionPlace(of job: QueueJob) -> CallOptions {
        var call = CallOptions.none
        let parts = job.order.place.split(separator: "/", maxSplits: 1).map(String.init)
        if workspace.databases.count > 1 { call.name = parts.first }
        if parts.count == 2 { call.tenant = parts[1] }
        return call
    }

    /// Of a repair for all tenants, the one that needs somebody most.
    private func outcome(_ report: HealRunReport, of job: QueueJob, _ watch: JobHeartbeat) -> QueueOutcome {
        func first(_ outcome: HealRunReport.Outcome) -> HealRunReport.Execution? {
            report.executions.first { $0.outcome == outcome }
        }
        for kind in [HealRunReport.Outcome.failed, .stopped, .skipped] {
            guard let execution = first(kind) else { continue }
            if let error = execution.error { return outcome(error, of: job, watch) }
            return .failed(reason: "nothing has improved: see heal history \(report.job)")
        }
        for kind in [HealRunReport.Outcome.halted, .frozen] where first(kind) != nil {
            let then = Timestamp(milliseconds: context.now().milliseconds + QueueWorker.holding)
            return .heldBack(reason: "the repair is \(kind.rawValue): see heal list", until: then)
        }
        if let plan = report.executions.lazy.compactMap(\.plan).first { return .planned(plan: plan.id.number) }
        return .done(batch: report.executions.lazy.compactMap(\.run).last.map { "\($0.batch)" })
    }

    /// A figure that cannot be written is no reason to fail.
    private func count(_ error: BatchError, _ job: QueueJob, isOverdue: Bool) {
        let counter: ControlCounter? =
            switch error.code {
            case .timeout: .timeouts
            case .stopped: isOverdue ? .timeouts : nil
            case .leaseLost: .fencedWrites
            case .busy: .busy
            default: nil
            }
        if let counter { try? context.store(of: workspace).count(counter, job.order.job) }
    }

    private func run(
        _ job: QueueJob, _ definition: JobDefinition, _ watch: JobHeartbeat
    ) throws(BatchError) -> Runner.Submission {
        let work = work(of: job, definition, watch)
        let values = try ParameterValues(definition, set: job.order.assignments)
        var order = RunOrder(job: definition, values: values, tenant: job.order.tenant, key: job.runKey)
        order.isUnattended = !job.isPutBack
        order.queued = QueuedRun(job)
        return try traced(job, work) { () throws(BatchError) in
            try series(for: job, definition, work).complete(order, tenant: job.order.tenant, context: work)
        }
    }

    /// As `heal run --apply --automatic` does it.
    private func repair(
        _ job: QueueJob, _ definition: JobDefinition, _ watch: JobHeartbeat
    ) throws(BatchError) -> HealRunReport {
        endSeries()
        var work = work(of: job, definition, watch)
        work.origin = .heal
        let values = try ParameterValues(definition, set: job.order.assignments)
        var run = RepairRun(definition, values, mode: .apply) { [workspace, work] (tenant) throws(BatchError) in
            var own = work
            own.tenant = tenant
            return try Session(workspace, database: definition.database, tenant: tenant, context: own)
        }
        run.begunBy = job.order.schedule.map { "schedule \($0)" } ?? "queue job \(job.number)"
        run.key = job.runKey
        run.isUnattended = !job.isPutBack
        run.queued = QueuedRun(job)
        return try traced(job, work) { () throws(BatchError) in try run.perform(tenant: job.order.tenant) }
    }

    private func work(of job: QueueJob, _ definition: JobDefinition, _ watch: JobHeartbeat) -> Context {
        var work = context
        work.tenant = job.order.tenant
        work.traceID = context.randomID()
        work.log = context.log.following(work)
        if job.order.schedule != nil { work.origin = .schedule }
        work.stopWish = { [context] in
            let wish = context.stopWish()
            return wish == .goOn ? watch.stopWish : wish
        }
        // A worker that is to end waits for a program; a job that is to end does not.
        if !definition.isIdempotent {
            work.endsPrograms = { [context] in context.stopWish() == .now || watch.stopWish != .goOn }
        }
        return work
    }

    private func traced<Value>(
        _ job: QueueJob, _ work: Context, _ body: () throws(BatchError) -> Value
    ) throws(BatchError) -> Value {
        try work.traced(
            "queue \(job.order.job)",
            [.init("batchmgr.queue.job", .integer(job.number)), .init("batchmgr.attempt", JSONValue(job.attempts))],
            kind: .consumer, links: job.order.origin?.link.map { [$0] } ?? [], body)
    }

    // MARK: What is kept open

    private func series(
        for job: QueueJob, _ definition: JobDefinition, _ work: Context
    ) throws(BatchError) -> BatchSeries {
        let file = try workspace.database(named: definition.database).path(of: job.order.tenant ?? workspace.tenant)
        if let series, series.place == job.order.place, series.jobs.file == file { return series.jobs }
        endSeries()
        let jobs = try BatchSeries(
            workspace, database: definition.database, tenant: job.order.tenant, context: work)
        series = (job.order.place, jobs)
        return jobs
    }

    private func endSeries() {
        series?.jobs.end()
        series = nil
    }
}
