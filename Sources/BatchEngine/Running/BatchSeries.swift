public import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem
internal import Synchronization

/// Orders that a worker carries out one after the other, on one database that it keeps open.
///
/// They share the lease and what is looked at under it; restore points follow their batches together. The undo log of a
/// batch is in its own commit, so a crash leaves nothing that the next command cannot complete.
public final class BatchSeries {
    private let session: Session
    private let identity: Home.FileIdentity?
    private var turn: Turn?
    private var lease: HeldLease?
    /// `Connection.dataVersion` after our last commit: another one tells that somebody else has written.
    private var version: Int64 = 0
    private var waiting: [WaitingPoint] = []
    /// Their copies are being written beside the batches that follow.
    private var inWriting: SeriesInWriting?
    /// Since when the first of them waits, by the monotonic clock.
    private var waitingSince: Int64 = 0
    private var begunAt: Int64 = 0
    /// A series that has failed to write its points leaves the rest to the next turn.
    private var isBroken = false

    /// Milliseconds that a point waits for others before they are written.
    private static let patience: Int64 = 1_000
    /// Points that are written together at most.
    private static let most = 400
    /// Milliseconds for which the lease is kept from others.
    private static let longest: Int64 = 5_000

    /// Opens the database of an order.
    public init(
        _ workspace: Workspace, database: String?, tenant: String?, context: Context
    ) throws(BatchError) {
        session = try Session(workspace, database: database, tenant: tenant, context: context)
        file = try workspace.database(named: database).path(of: tenant ?? workspace.tenant)
        identity = Home.FileIdentity(of: session.path)
        session.worksQueue = true
        begunAt = context.clock.now()
    }

    deinit { end() }

    /// The file, as the workspace names it.
    public let file: String

    /// Somebody waits for the lease.
    public var isWanted: Bool { (try? LeaseWait(session))?.isWanted == true }

    /// False when the next order should begin a series of its own: others want the lease too, or another file has the
    /// name.
    public var mayGoOn: Bool {
        !isBroken && !isWanted && session.context.clock.now() - begunAt < BatchSeries.longest
            && Home.FileIdentity(of: session.path) == identity
    }

    /// Runs an order with a key to its end, as `Runner.complete` does.
    public func complete(
        _ order: RunOrder, tenant: String?, context: Context
    ) throws(BatchError) -> Runner.Submission {
        let start = ContinuousClock.now
        try session.turn(to: tenant, context: context)
        let runner = Runner(session)
        try runner.check(order.job, order.tenant)
        let switches = SwitchGate(session)
        guard order.job.mayShareTurn, try switches.suggestion(for: order) == nil else {
            end()
            return try runner.complete(order)
        }
        try begin(order.job)
        if let key = order.key,
            let earlier = try session.ledger.holder(of: key, job: order.job.id, tenant: order.tenant)
        {
            guard earlier.status == .stopped || earlier.status == .failed else {
                return .ran(try RunOutcome(session: session).repeated(earlier))
            }
            end()
            return try runner.complete(order)
        }
        try flushWhenLate()
        guard try snapshot(for: order.job) == .delta else {
            end()
            return try runner.complete(order)
        }
        return .ran(try run(order, runner, switches, since: start))
    }

    private func run(
        _ order: RunOrder, _ runner: Runner, _ switches: SwitchGate, since start: ContinuousClock.Instant
    ) throws(BatchError) -> RunReport {
        guard let lease else { throw BatchError(.internalFault, "a series has no lease", hint: "report this") }
        let job = order.job
        try session.ledger.refuseAnother(of: job.id, tenant: order.tenant)
        let needed = try runner.needs(of: job)
        var batch = try runner.newBatch(order)
        let gateway = try Runner.gateway(session, job, tenant: order.tenant)
        var point = try session.connection.unhurried { () throws(BatchError) in
            try runner.begin(&batch, needs: needed, order.queued, snapshot: .delta, lease.lease)
        }
        let run = try BatchRun(session, gateway, job: job, values: order.values, batch: batch, lease: lease)
        run.switches = switches
        run.series = self
        return try runner.carryOut(run, &point, from: 0, position: 0, since: start)
    }

    // MARK: The lease

    /// Takes the lease, and looks for changes of others, unless nobody has written since the last batch.
    private func begin(_ job: JobDefinition) throws(BatchError) {
        if turn == nil {
            let taken = try session.turn(for: LeaseWork(LeaseWork.queue, job: job.id))
            lease = taken.lease
            _ = try taken.openHistory()
            turn = consume taken
            version = session.connection.dataVersion
        } else if session.connection.dataVersion != version {
            try flush()
            _ = try turn?.openHistory()
            version = session.connection.dataVersion
        }
        try lease?.require()
    }

    /// Only deltas wait for each other; what needs a whole copy is done by itself.
    private func snapshot(for job: JobDefinition) throws(BatchError) -> SnapshotKind {
        try SnapshotChoice(session: session).kind(sharing: job, isFollowing: isFollowing)
    }

    /// Deltas are about to be written, so a copy that they follow is there.
    private var isFollowing: Bool { !waiting.isEmpty || inWriting != nil }

    // MARK: Points

    /// Keeps the point of a batch that has ended well until it is written with others.
    /// - Returns: false when it must be completed at once; the others are then.
    func keep(_ point: PointRecord, _ batch: BatchRecord) throws(BatchError) -> Bool {
        let hasNoCopy = isFollowing ? false : try SnapshotChoice(session: session).hasNoCopy()
        guard !hasNoCopy, let next = try PointKeeper(session: session).waiting(point, batch, since: version) else {
            try flush()
            return false
        }
        if waiting.isEmpty { waitingSince = session.context.clock.now() }
        waiting.append(next)
        return true
    }

    private func flushWhenLate() throws(BatchError) {
        if waiting.isEmpty { return }
        let isLate = session.context.clock.now() - waitingSince >= BatchSeries.patience
        if isLate || waiting.count >= BatchSeries.most { try beginWriting() }
    }

    /// Completes the points that wait.
    func flush() throws(BatchError) {
        try beginWriting()
        try finishWriting()
    }

    /// One series at a time: each point follows the one before.
    private func beginWriting() throws(BatchError) {
        try finishWriting()
        if waiting.isEmpty { return }
        let series = waiting
        waiting = []
        try leaving(series.count) { () throws(BatchError) in
            inWriting = try PointKeeper(session: session).begin(series: series)
        }
    }

    private func finishWriting() throws(BatchError) {
        guard let series = inWriting else { return }
        inWriting = nil
        try leaving(series.points.count) { () throws(BatchError) in
            try PointKeeper(session: session).finish(series)
            session.context.log.trace?.notePoints(
                series.points.map { ($0.batch.traceID, $0.batch.batch) }, since: series.begun)
        }
    }

    /// What is not written is pending in the ledger, and is completed under the next lease.
    private func leaving(_ count: Int, _ body: () throws(BatchError) -> Void) throws(BatchError) {
        do throws(BatchError) {
            try body()
        } catch {
            isBroken = true
            // Those after would have nothing to follow.
            waiting = []
            session.context.log.write(
                .warn, "points.left", "\(count) restore points are left to the next command: \(error.logMessage)",
                module: .points, error: error, warning: .pendingPoint)
            throw error
        }
    }

    /// What is kept of copies is looked at once in a while: that goes through all of them.
    private func letGo() {
        let now = session.context.clock.now()
        let isDue = BatchSeries.lettings.withLock { lettings in
            if let last = lettings[session.path], now - last < BatchSeries.lettingPeriod { return false }
            lettings[session.path] = now
            return true
        }
        if isDue { _ = session.letGo() }
    }

    private static let lettings = Mutex<[String: Int64]>([:])
    private static let lettingPeriod: Int64 = 60_000

    /// Completes what waits and gives the lease back.
    public func end() {
        guard turn != nil else { return }
        try? flush()
        letGo()
        lease = nil
        turn = nil
        do throws(BatchError) {
            try AuditTrail.signHeads(session, backups: session.backups, session.context)
        } catch {
            session.context.log.write(
                .warn, "audit.unsigned", "the heads of the audit could not be signed: \(error.logMessage)",
                module: .audit, error: error)
        }
    }
}

extension JobDefinition {
    /// Whether its batches are short transactions that nothing but the database sees, and ask for nothing special.
    fileprivate var mayShareTurn: Bool {
        !LevelPolicy(level: level).needsChecklist && !isCritical && !mayChangeSchema && snapshot != .full
            && foreignKeys == nil
            && steps.allSatisfy { ["sql", "check"].contains($0.kind) && $0.chunk == nil && $0.pause == nil }
    }
}
