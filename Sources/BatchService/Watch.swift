internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchEngine
internal import BatchSystem
internal import Synchronization

/// What a service does beside its time and its workers: it says that it lives, sends what could not be told before, and
/// looks whether its promises are kept. Nothing of it holds the service up.
struct Watch {
    private let workspace: Workspace
    private let context: Context
    private var calledAt: Int64?
    private var sentAt: Int64?
    private var judgedAt: Int64?
    private var lookedAt: Int64?
    private var takenAt: Int64?
    private var call: (task: BackgroundTask<Void>, isDone: Flag)?
    private var notices: (task: BackgroundTask<Void>, isDone: Flag)?
    private var signals: (task: BackgroundTask<Void>, isDone: Flag)?
    private var level = SLOReport.Level.ok
    private var documents: DocumentWatch

    /// Milliseconds.
    private static let judgePeriod: Int64 = 60_000
    private static let sendPeriod: Int64 = 5_000
    private static let takePeriod: Int64 = 60_000
    private static let timeout: Int64 = 10_000

    private final class Flag: Sendable {
        private let state = Mutex(false)
        var isSet: Bool { state.withLock { $0 } }
        func set() { state.withLock { $0 = true } }
    }

    init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
        documents = DocumentWatch(workspace, context: context)
    }

    mutating func look() {
        documents.look()
        let now = context.clock.now()
        if let address = workspace.watchdog?.address, Watch.isDue(&calledAt, workspace.watchdog?.period ?? 0, now) {
            say(to: address)
        }
        if Watch.isDue(&sentAt, Watch.sendPeriod, now) { sendNotices() }
        if Watch.isDue(&judgedAt, Watch.judgePeriod, now) { judge() }
        if Watch.isDue(&takenAt, Watch.takePeriod, now) { takeSignals() }
        if Watch.isDue(&lookedAt, Watch.judgePeriod, now) {
            tellStuck()
            try? ExpiredPlans(workspace, context: context).reject(isPosted: true)
        }
    }

    /// Tells of jobs that have been in their state for too long, each once; what cannot be asked now is asked again.
    func tellStuck() {
        let (ages, now) = (workspace.queue.ages, context.now())
        guard let stuck = try? context.store(of: workspace).newlyStuck(ages, at: now) else { return }
        for jobs in stuck {
            let words = jobs.words(ages[jobs.state] ?? .zero)
            context.log.write(.warn, "queue.stuck", words, module: .runner)
            Notices(workspace, context: context).post(
                .init(.stuck, job: jobs.job, tenant: nil, message: words, at: now))
        }
    }

    private static func isDue(_ last: inout Int64?, _ period: Int64, _ now: Int64) -> Bool {
        if let last, now - last < period { return false }
        last = now
        return true
    }

    /// A call that still waits for its answer is not made twice.
    private mutating func say(to address: String) {
        if let call, !call.isDone.isSet { return }
        let isDone = Flag()
        let document = JSONWriter.text([
            "format_version": 1, "event": "alive", "at": .string(context.now().iso8601),
        ])
        let log = context.log
        let task = BackgroundTask { () throws(BatchError) in
            defer { isDone.set() }
            do throws(BatchError) { try Webhook.send(document, to: address, timeout: Watch.timeout) } catch {
                log.write(
                    .warn, "service.watchdog", "the watchdog could not be called: \(error.message)", module: .runner)
            }
        }
        call = (task, isDone)
    }

    private mutating func sendNotices() {
        if let notices, !notices.isDone.isSet { return }
        let due = (try? context.store(of: workspace).dueNotices(at: context.now(), limit: 1)) ?? []
        guard !due.isEmpty else { return }
        let isDone = Flag()
        // What a context opens is kept for its thread, and this one ends.
        var fresh = Context.system()
        fresh.log = context.log
        let task = BackgroundTask { [workspace, fresh] () throws(BatchError) in
            defer { isDone.set() }
            do throws(BatchError) { _ = try Notices(workspace, context: fresh).sendDue() } catch {
                fresh.log.write(
                    .error, "service.notices", "notices could not be sent: \(error.logMessage)", module: .runner,
                    error: error)
            }
        }
        notices = (task, isDone)
    }

    /// What applications said in their own transactions. A database that is at work keeps it until the next time.
    private mutating func takeSignals() {
        if workspace.signals.isEmpty || signals?.isDone.isSet == false { return }
        let isDone = Flag()
        var fresh = Context.system()
        fresh.log = context.log
        let task = BackgroundTask { [workspace, fresh] () throws(BatchError) in
            defer { isDone.set() }
            do throws(BatchError) { try Signals(workspace, context: fresh).takeOver() } catch {
                fresh.log.write(
                    .error, "service.signals", "signals could not be taken over: \(error.logMessage)", module: .runner,
                    error: error)
            }
        }
        signals = (task, isDone)
    }

    /// Tells when it is not as it was a minute ago.
    private mutating func judge() {
        guard workspace.notify.contains(where: { $0.events.contains(.slo) }),
            let report = try? ServiceLevels(workspace, context: context).report()
        else { return }
        let isBad = report.level == .critical
        guard isBad != (level == .critical) else { return }
        level = report.level
        let message = isBad ? report.problems.joined(separator: "; ") : "all promises are kept again"
        Notices(workspace, context: context).post(
            .init(.slo, job: nil, tenant: nil, message: message, at: context.now()))
    }
}
