internal import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchLedger
internal import BatchSystem

/// The rules that are judged directly after each checkpoint: a batch that one of them blocks stops before its next one,
/// and not when somebody looks for the next time.
final class RealtimeRules {
    private let session: Session
    private let job: JobDefinition
    private let tenant: String?
    private let batch: BatchID
    private let events: Set<String>
    private var stream: RuleStream
    /// What is still to be followed: a checkpoint that waits for others holds the database.
    private var fired: [RuleFiring] = []
    /// Nobody needs figures of the machine more often.
    private static let pause: Int64 = 1_000
    private var lookedAt: Int64?

    /// Nil when the catalog has none.
    /// - Throws: `ERR_UX_INVALID_CATALOG` when the rules cannot be read: what they stop is not known then.
    init?(_ session: Session, _ job: JobDefinition, _ batch: BatchRecord) throws(BatchError) {
        guard session.context.healing != nil else { return nil }
        let found = try RuleList.realtime(in: session.workspace.catalog)
        guard !found.isEmpty else { return nil }
        let board = try session.context.store(of: session.workspace).switches()
        let now = session.context.now()
        stream = RuleStream(found.map { $0.adjusted(board, at: now) })
        events = Set(found.map(\.event))
        self.session = session
        self.job = job
        self.batch = batch.batch
        tenant = batch.tenant
    }

    /// A step is tried.
    /// - Parameter number: 1 for the first time.
    func noteAttempt(_ number: Int) { judge("attempt", Double(number)) }

    /// A checkpoint is committed, or waits to become permanent with others.
    /// - Parameter milliseconds: that it has held the database.
    func noteCheckpoint(_ milliseconds: Double) {
        judge("checkpoint", milliseconds)
        let clock = session.context.clock.now()
        if let lookedAt, clock - lookedAt < RealtimeRules.pause { return }
        lookedAt = clock
        for event in RuleEvent.ofHost(session.workspace.folder, at: session.context.now(), events) {
            fired += stream.feed(event)
        }
    }

    private func judge(_ kind: String, _ value: Double) {
        guard events.contains(kind) else { return }
        fired += stream.feed(
            RuleEvent(
                at: session.context.now(), kind: kind, module: job.module, tenant: tenant, value: value,
                batch: "\(batch)"))
    }

    /// Does what the rules say. Call it while no transaction is open.
    func follow() {
        if fired.isEmpty { return }
        let due = fired
        fired = []
        attempt { (healing) throws(BatchError) in try healing.follow(due, in: session) }
    }

    /// The batch has failed, and its row is in the audit.
    func noteFailure() {
        guard !events.isDisjoint(with: RuleEvent.failures) else { return }
        attempt { (healing) throws(BatchError) in try healing.judgeFailures(in: session) }
    }

    /// The batch does not depend on it.
    private func attempt(_ body: (any HealingWork) throws(BatchError) -> Void) {
        guard let healing = session.context.healing else { return }
        do throws(BatchError) {
            try body(healing)
        } catch {
            session.context.log.write(
                .warn, "rules", "what a rule asks for could not be done: \(error.logMessage)", module: .runner,
                error: error)
        }
    }
}

extension RuleEvent {
    /// Kinds that the audit tells of.
    public static let failures: Set<String> = ["error", "cross_tenant"]

    /// What the machine has left.
    /// - Parameter kinds: only these; nil for all.
    public static func ofHost(_ folder: String, at now: Timestamp, _ kinds: Set<String>? = nil) -> [RuleEvent] {
        func isWanted(_ kind: String) -> Bool { kinds?.contains(kind) ?? true }
        var events: [RuleEvent] = []
        if isWanted("disk_free"), let free = HostFigures.freeDiskShare(folder) {
            events.append(.init(at: now, kind: "disk_free", value: free))
        }
        if isWanted("memory"), let used = HostFigures.usedMemoryShare {
            events.append(.init(at: now, kind: "memory", value: used))
        }
        // The mean of five minutes stands for the five minutes before.
        if isWanted("load"), let loads = HostFigures.loads {
            let cores = Double(HostFigures.processors)
            let before = Timestamp(milliseconds: now.milliseconds - 300_000)
            events.append(.init(at: before, kind: "load", value: loads.five / cores))
            events.append(.init(at: now, kind: "load", value: loads.one / cores))
        }
        return events
    }
}
