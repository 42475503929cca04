internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem
internal import Dispatch
internal import Synchronization

/// The lease on the database of a session, for as long as this lives, with records that are up to date.
///
/// Whatever needs the lease takes a turn, so it cannot be forgotten: `let turn = try session.turn(for:
/// LeaseWork("prune"))`.
struct Turn: ~Copyable {
    let session: Session
    let lease: HeldLease

    fileprivate init(_ session: Session, for work: LeaseWork) throws(BatchError) {
        let (connection, context) = (session.connection, session.context)
        for home in Set([session.backups, session.controlFolder]) { Permissions.tighten(home, to: session.path) }
        // The lease is in the file, so taking it changes how the file looks.
        let version = connection.dataVersion
        let isUntouched = DriftDetection(session: session).isKnownUntouched()
        let sleep = context.sleep
        let taken = try LeaseWait.taking(session) { () throws(BatchError) in
            try Lease.take(
                session.ledger, for: work, of: session.owner, at: context.now(),
                rules: Lease.Rules(pause: { sleep($0) }),
                id: context.randomID
            ) { () throws(BatchError) in try session.settleHome() }
        }
        lease = HeldLease(taken, path: session.path, now: context.now)
        // The next thing that it is wanted for is some waits for the disk away.
        GitStore.prepare()
        self.session = session
        session.untouchedSince = isUntouched ? version : nil
        session.hasTurn = true
    }

    deinit {
        AuditTrail.seal(session)
        lease.giveBack()
        // Also work that failed or was stopped leaves the rows as the ledger knows them.
        if session.settledAt == nil, let version = session.untouchedSince { session.settledAt = version }
        session.hasTurn = false
        session.untouchedSince = nil
        DriftDetection(session: session).settle()
    }
}

extension Session {
    /// Takes the lease, and brings the records up to date: batches of dead processes are marked stopped, pending
    /// restore points completed.
    /// - Throws: `ERR_PERF_BUSY` when somebody is at work on the database.
    func turn(for work: LeaseWork) throws(BatchError) -> Turn {
        let turn = try plainTurn(for: work)
        try turn.recover()
        return turn
    }

    /// Takes the lease alone, for what does not look at batches.
    func plainTurn(for work: LeaseWork) throws(BatchError) -> Turn { try Turn(self, for: work) }
}

// MARK: Records

extension Turn {
    fileprivate func recover() throws(BatchError) {
        let ledger = session.ledger
        ScratchFolder.sweep(session.backups)
        AbandonedFiles.remove(backups: session.backups, at: session.context.now().milliseconds / 1_000)
        session.tellOfOlderCopy()
        guard try ledger.exists() else { return }
        _ = try LeaseWait(session).isWanted
        try ledger.complete()
        try DatabaseVacuum(session: session).finish()
        try session.followPolicy()
        try session.followSignals()
        for var batch in try ledger.batches(where: "status = 'running'") {
            batch.status = .stopped
            batch.finishedAt = session.context.now().iso8601
            batch.error = batch.error ?? "ERR_PERF_STOPPED: the process ended before the batch did"
            try session.connection.transaction { () throws(BatchError) in
                try ledger.update(batch)
                try ledger.audit("recover", batch: batch, outcome: "stopped", details: [:], context: session.context)
            }
            session.context.log.write(
                .warn, "batch.recovered", "the process of batch \(batch.batch) ended before the batch did: stopped",
                module: .recovery, batch: Log.Batch(batch, in: session))
            try traceInterrupted(batch)
            session.context.reach("stop-noted")
        }
        try PendingErasure(session: session).finish()
        try PointKeeper(session: session).completePending()
    }

    /// Its process wrote no spans, and whoever continues the batch leads to this one.
    private func traceInterrupted(_ batch: BatchRecord) throws(BatchError) {
        guard batch.kind == .batch, let trace = session.context.log.trace else { return }
        let point = try session.ledger.lastPoint(where: "batch = ?", [.integer(batch.seq)])
        let checkpoint = try session.ledger.checkpoints(of: batch.seq).last
        trace.noteInterrupted(batch, begun: point?.createdAt ?? batch.startedAt, seen: checkpoint?.committedAt)
    }

    /// Makes the ledger and its first commit, or commits what drifted since the last batch.
    /// - Parameters:
    ///   - undoing: tables of which rows are about to be undone. A change of these from outside is a conflict
    ///     with that, and no batch which depends on it; nil: that may be any.
    ///   - isCopying: called again because somebody wrote while the whole copy for a batch was made.
    /// - Returns: why the next `.bak` must be a whole copy; nil when it need not be.
    func openHistory(
        undoing tables: Set<String>? = [], isCopying: Bool = false
    ) throws(BatchError) -> SnapshotChoice.Reason? {
        try LevelGate(session: session).makeUp()
        var version = session.connection.dataVersion
        var reason = try keepDrift(since: version, undoing: tables, mayBeFirst: !isCopying)
        // Who has written while that was kept has made another change from outside. In the end they wait for us.
        defer { session.writesPointsAlone = false }
        for round in 0..<2 where session.connection.dataVersion != version {
            session.writesPointsAlone = round > 0
            version = session.connection.dataVersion
            reason = try keepDrift(since: version, undoing: tables) ?? reason
        }
        try GuardSetting(session).follow(since: version)
        return reason
    }

    private func keepDrift(
        since version: Int64, undoing tables: Set<String>?, mayBeFirst: Bool = false
    ) throws(BatchError) -> SnapshotChoice.Reason? {
        let keeper = PointKeeper(session: session)
        if try session.ledger.state() == nil {
            try requireWholeFile()
            try session.createLedger()
            try session.followPolicy()
            session.context.reach("ledger-created")
            try keeper.completePending(since: version)
            session.untouchedSince = version
            return .firstBatch
        }
        try requireWholeFile()
        guard let drifted = try DriftDetection(session: session).look() else {
            // What was read once need not be read again, unless somebody writes.
            session.untouchedSince = version
            return nil
        }
        let batch = try DriftAdoption(session).adoptBefore(undoing: tables, mayBeFirst: mayBeFirst)
        if batch == nil { try keeper.writeDrift(drifted, since: version) }
        session.context.noteStage(.other)
        session.untouchedSince = version
        tell(of: batch)
        return batch == nil ? .drift : nil
    }

    /// Changes from outside are never taken in without a word.
    private func tell(of batch: BatchRecord?) {
        let kept = batch.map { "\($0.batch)" } ?? "a restore point, and cannot be undone alone"
        let text = "the database was changed outside any batch; that change is kept as \(kept)"
        let hint: Hint =
            if let id = batch?.batch {
                "see it: \(command: "diff --id \(id)"); undo it: \(command: "rollback --id \(id)")"
            } else { "see it: \(command: "points")" }
        session.context.warn(Warning(.drift, text), hint)
        session.notify(.drift, batch, BatchError(.writeOutsideGateway, text, hint: hint))
    }
}

extension Turn {
    /// Looks at the pages of the file before anything is written into them, unless it is large and nobody else has
    /// written to it since the last command did.
    /// - Throws: `ERR_DATA_CORRUPT_DATABASE`.
    private func requireWholeFile() throws(BatchError) {
        if DriftDetection(session: session).isKnownUntouched() { return }
        let found = try session.connection.rows("PRAGMA main.quick_check(1)").first?.first?.string
        // Values that break a constraint are no damage of the file.
        guard let found, found != "ok", found.hasPrefix("***") || found.contains("page") else { return }
        throw BatchError(
            .corruptDatabase, "the file is damaged, and nothing was written into it: \(found)",
            hint:
                "see the damage: \(command: "doctor"); rebuild the last good state: \(command: "restore --point POINT --to FILE")"
        )
    }
}

extension Session {
    /// The ledger's tables, the digests that everything after builds on, and the intent of the first point, in one
    /// transaction.
    func createLedger() throws(BatchError) {
        try connection.transaction { () throws(BatchError) in
            try ledger.create(databaseID: context.randomID())
            let state = try StateDigest.compute(connection)
            try ledger.setState(state)
            try ledger.audit(
                "ledger", batch: nil, outcome: "created",
                details: ["database_id": .init(try ledger.meta("database_id"))], context: context.shared)
            try PointKeeper(session: self).intend(.baseline)
        }
    }

    /// A crash may have left something: a batch without a process, a restore point that is not written, half a VACUUM.
    var mayHaveLeftovers: Bool {
        do throws(BatchError) {
            guard try ledger.exists() else { return false }
            // A copy, or a database of version 0.1: the first command takes it over.
            if case .copy = homeState { return true }
            if homeState == .unplaced, try ledger.lastPoint(where: "1") != nil { return true }
            let points = try ledger.points(where: "status = 'pending'")
            let batches = try ledger.batches(where: "status = 'running'")
            return !points.isEmpty || !batches.isEmpty || PendingErasure(session: self).isThere
                || DatabaseVacuum(session: self).isPending
        } catch { return false }
    }

    /// Completes what a crash left, unless somebody is at work on the database.
    ///
    /// It is called by commands that only look: what cannot be completed now, because the disk is full or the folder is
    /// read-only, does not keep them from looking. They say why.
    static func completeLeftovers(_ workspace: Workspace, _ tenant: String?, _ context: Context) {
        do throws(BatchError) {
            let session = try Session(workspace, tenant: tenant, context: context)
            let turn = try session.turn(for: LeaseWork("recovery"))
            // What it noted is after the last commit, where no other command may sign it.
            try AuditTrail.signHeads(turn.session, backups: session.backups, context)
        } catch {
            // Whoever is at work completes it.
            if error.code == .busy { return }
            context.log.write(
                .warn, "recovery.left", "work that an earlier command left could not be completed: \(error.logMessage)",
                module: .recovery, error: error, warning: .pendingPoint)
            context.warn(
                Warning(.pendingPoint, "work that an earlier command left could not be completed: \(error.message)"),
                "correct that, then check again: \(command: "points")")
        }
    }
}

/// A lease that is looked at while its owner works, from a connection of its own: who asks whether the owner lives is
/// answered, and who asks it to stop is heard. It writes when it is asked alone, gives way to every lock, and is in
/// nobody's way: a step may be a program that writes this database and does not wait for locks.
final class HeldLease {
    let lease: Lease
    private let path: String
    private let news = News()
    private let timer: any DispatchSourceTimer

    private final class News: Sendable {
        let state = Mutex((isStopRequested: false, isLost: false))
    }

    /// Milliseconds between two looks.
    private static let period = 500

    fileprivate init(_ lease: Lease, path: String, now: @escaping @Sendable () -> Timestamp) {
        self.lease = lease
        self.path = path
        timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "batchmgr.lease"))
        timer.schedule(
            deadline: .now() + .milliseconds(HeldLease.period), repeating: .milliseconds(HeldLease.period))
        timer.setEventHandler { [news, epoch = lease.epoch] in
            let known = news.state.withLock { $0 }
            guard LeaseTable.mayHaveNews(path, of: epoch, isStopKnown: known.isStopRequested),
                // What is locked is protected by the lock: the next look is early enough.
                let connection = try? Connection(path: path, busyTimeout: 200),
                let answer = try? LeaseTable(connection).answer(epoch, at: now())
            else { return }
            news.state.withLock { $0 = (answer.isStopRequested, !answer.isOurs) }
        }
        timer.resume()
    }

    deinit { timer.cancel() }

    fileprivate func giveBack() {
        timer.cancel()
        lease.giveBack()
    }

    /// Somebody typed `batchmgr stop`, or the lease is lost. It is known after half a second, without a look into the
    /// database: it may be asked at any time, as often as you like.
    var isStopRequested: Bool { news.state.withLock { $0.isStopRequested || $0.isLost } }

    /// The same, looked up: between two checkpoints.
    var isStopRequestedNow: Bool { isStopRequested || lease.isStopRequested }

    /// - Throws: `ERR_PERF_LEASE_LOST`, as soon as it is known; each transaction makes sure.
    func require() throws(BatchError) {
        if news.state.withLock({ $0.isLost }) { throw LeaseTable.lost(path) }
    }
}
