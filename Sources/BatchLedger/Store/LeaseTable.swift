public import BatchCore
internal import BatchSystem

/// `batchmgr_lease`: one row.
///
/// An owner in another container or on another machine cannot be looked at. Who wants the lease asks, by a note in the
/// row; a living owner answers within seconds, by raising the beat. Nobody asks: nothing is written. No clock but that
/// of who asks counts, so a beat from the future keeps nobody waiting.
public struct LeaseTable {
    static let creation =
        "CREATE TABLE IF NOT EXISTS batchmgr_lease(id INTEGER PRIMARY KEY CHECK(id = 1), epoch INTEGER NOT NULL, process INTEGER, started TEXT, boot TEXT, namespace TEXT, machine TEXT, token TEXT, kind TEXT, job TEXT, batch TEXT, stop INTEGER NOT NULL DEFAULT 0, beat INTEGER NOT NULL DEFAULT 0, beat_at TEXT, asked_beat INTEGER, asked_boot TEXT, asked_at INTEGER) STRICT"

    private let connection: Connection
    /// Who is told of the work of others; nil: somebody who may know all of it.
    private let tenant: String?

    /// - Parameter tenant: the one who is told who has the lease. Batches of others are not named to it.
    public init(_ connection: Connection, for tenant: String? = nil) {
        self.connection = connection
        self.tenant = tenant
    }

    public struct Row: Hashable, Sendable {
        public let epoch: Int64
        /// Nil when nobody has it.
        public let owner: LeaseOwner?
        let token: String
        public let work: LeaseWork
        public let isStopRequested: Bool
        public let beat: Int64
        /// For people: by the clock of the owner.
        public let beatAt: String?
        let question: Question?

        struct Question: Hashable, Sendable {
            let beat: Int64
            let boot: String
            let at: Int64
        }

        /// Whether somebody has it, looked at from here.
        public var life: LeaseOwner.Life {
            guard let owner else { return .dead }
            // A process does not take its own for those of one before it.
            if owner == .current() { return Lease.isHeld(token) ? .alive : .dead }
            return owner.life
        }

        /// False for a batch that has no process any more. An owner that cannot be looked at has the lease until it was
        /// asked and did not answer.
        public var isHeld: Bool { life != .dead }

        /// A host between two checkpoints may have let go of its batch without a word.
        var isFirmlyHeld: Bool { life == .alive && work.kind != LeaseWork.host }
    }

    /// Nil in a database that nobody ever had a lease on.
    public func read() throws(BatchError) -> Row? {
        guard try connection.hasTable(connection.ledgerNames.name("batchmgr_lease")) else { return nil }
        let sql = """
            SELECT epoch, process, started, boot, namespace, machine, token, kind, job, batch, stop, beat, beat_at, \
            asked_beat, asked_boot, asked_at FROM main.batchmgr_lease
            """
        guard let row = try connection.rows(sql).first else { return nil }
        func text(_ column: Int) -> String { row[column].string ?? "" }
        return Row(
            epoch: row[0].integer ?? 0,
            owner: row[1].integer.map {
                LeaseOwner(process: $0, startedAt: text(2), boot: text(3), namespace: text(4), machine: text(5))
            },
            token: text(6), work: LeaseWork(text(7), job: row[8].string, batch: row[9].string),
            isStopRequested: row[10].integer == 1, beat: row[11].integer ?? 0, beatAt: row[12].string,
            question: row[13].integer.map { .init(beat: $0, boot: text(14), at: row[15].integer ?? 0) })
    }

    enum Answer {
        case taken(epoch: Int64)
        case held(Row)
        /// Look again in a while whether the row is still this.
        case ask(Row)
    }

    /// Call it in a transaction.
    /// - Parameter seen: the row as it was found a while ago.
    func take(
        _ work: LeaseWork, token: String, at time: Timestamp, rules: Lease.Rules, seen: Row?
    ) throws(BatchError) -> Answer {
        let row = try read()
        if let row {
            switch row.life {
            case .dead: break
            case .alive:
                guard row.work.kind == LeaseWork.host else { return .held(row) }
                guard let seen else { return .ask(row) }
                guard seen.epoch == row.epoch, seen.beat == row.beat else { return .held(row) }
            case .unknown:
                guard try isSilent(row, rules) else { return .held(row) }
            }
        }
        let owner = LeaseOwner.current()
        let epoch = (row?.epoch ?? 0) + 1
        try connection.run(
            "INSERT OR REPLACE INTO main.batchmgr_lease VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, NULL, NULL, NULL)",
            [
                .integer(epoch), .integer(owner.process), .string(owner.startedAt), .string(owner.boot),
                .string(owner.namespace), .string(owner.machine), .string(token), .string(work.kind),
                .optional(work.job), .optional(work.batch), .integer((row?.beat ?? 0) + 1), .string(time.iso8601),
            ])
        return .taken(epoch: epoch)
    }

    /// True when an owner was asked long enough ago and has not answered; else it is asked.
    private func isSilent(_ row: Row, _ rules: Lease.Rules) throws(BatchError) -> Bool {
        let (boot, now) = (LeaseOwner.current().boot, SteadyClock.now())
        if let question = row.question, question.boot == boot, question.beat == row.beat, question.at <= now {
            return now - question.at >= rules.silence
        }
        if rules.silence == 0 { return true }
        try connection.run(
            "UPDATE main.batchmgr_lease SET asked_beat = beat, asked_boot = ?, asked_at = ?",
            [.string(boot), .integer(now)])
        return false
    }

    // MARK: By its owner

    /// - Throws: `ERR_PERF_LEASE_LOST` when somebody else has taken the lease.
    func require(_ epoch: Int64) throws(BatchError) {
        let sql = "SELECT epoch, asked_beat IS beat FROM main.batchmgr_lease"
        let row = try connection.rows(sql).first
        guard row?[0].integer == epoch else { throw LeaseTable.lost(connection.path) }
        // Our lock keeps the asker from asking again until this is committed.
        if row?[1].integer == 1 { try connection.run("UPDATE main.batchmgr_lease SET beat = beat + 1") }
    }

    public static func lost(_ path: String) -> BatchError {
        BatchError(
            .leaseLost, "another process has taken over the work on \(path): this one was silent too long",
            hint: "see what happened to it: \(command: "list"); then continue what is stopped: "
                + "\(command: "resume --id BATCH")")
    }

    func beat(_ epoch: Int64, at time: Timestamp) throws(BatchError) {
        try connection.run(
            "UPDATE main.batchmgr_lease SET beat = beat + 1, beat_at = ? WHERE epoch = ?",
            [.string(time.iso8601), .integer(epoch)])
    }

    func note(_ batch: BatchID, epoch: Int64) throws(BatchError) {
        try connection.run(
            "UPDATE main.batchmgr_lease SET batch = ? WHERE epoch = ?", [.string(batch.description), .integer(epoch)])
    }

    /// The row stays, so that the next epoch is a new one.
    func giveBack(_ epoch: Int64) throws(BatchError) {
        try connection.run(
            "UPDATE main.batchmgr_lease SET process = NULL, token = NULL, asked_beat = NULL WHERE epoch = ?",
            [.integer(epoch)])
    }

    /// Answers who has asked, from another connection than that of the work.
    /// - Returns: false when the lease is lost.
    public func answer(_ epoch: Int64, at time: Timestamp) throws(BatchError) -> (isOurs: Bool, isStopRequested: Bool) {
        guard let row = try read(), row.epoch == epoch else { return (false, false) }
        if row.question?.beat == row.beat { try beat(epoch, at: time) }
        return (true, row.isStopRequested)
    }

    /// Whether there is something to answer or to hear, as far as can be seen without a lock.
    public static func mayHaveNews(_ path: String, of epoch: Int64, isStopKnown: Bool) -> Bool {
        mayBeOther(path) { row in
            row.epoch != epoch || row.question?.beat == row.beat || row.isStopRequested != isStopKnown
        }
    }

    /// Whether somebody else than this owner may have the lease by now, or nobody.
    public static func mayHaveChanged(_ path: String, since row: Row) -> Bool {
        mayBeOther(path) { $0.epoch != row.epoch || $0.owner == nil || $0.life == .dead }
    }

    /// Looks at the row without a lock. Without a write-ahead log, a reader keeps every writer from its commit, and a
    /// program that does not wait (the `sqlite3` shell) fails then. What is read in the middle of a commit of others may
    /// be wrong: it is a hint. The answer comes from a look with a lock, and what could not be read is there at the next
    /// look.
    private static func mayBeOther(_ path: String, _ isOther: (Row) -> Bool) -> Bool {
        if FileStatus("\(path)-wal") != nil { return true }
        do throws(BatchError) {
            return try LeaseTable(Connection(path: path, mode: .immutable)).read().map(isOther) ?? true
        } catch {
            return false
        }
    }

    // MARK: By others

    /// Asks the owner to stop at its next checkpoint.
    /// - Returns: false when the lease has changed hands.
    public func requestStop(_ epoch: Int64) throws(BatchError) -> Bool {
        try connection.run("UPDATE main.batchmgr_lease SET stop = 1 WHERE epoch = ?", [.integer(epoch)])
        return connection.changes == 1
    }

    /// SQLite finds the log of a database beside the name by which it was opened. Who writes by one name, while another
    /// program uses the other, has a second log for the same pages (https://www.sqlite.org/howtocorrupt.html, 2.5).
    /// - Throws: `ERR_UX_WRONG_STATE` when the file has other names.
    public func requireOneName() throws(BatchError) {
        guard let names = FileStatus(connection.path)?.names, names > 1 else { return }
        throw BatchError(
            .wrongState,
            "\(connection.path) has \(names) names (hard links), and SQLite keeps its log beside one: programs that use different names lose each other's changes",
            hint: LeaseTable.adviceOfNames(connection.path))
    }

    /// How to find the other names of a file.
    public static func adviceOfNames(_ path: String) -> Hint {
        "find them: find / -xdev -samefile \(ShellText.quoted(path)); let every program use one name, and remove the others"
    }

    /// - Throws: `ERR_PERF_BUSY` when somebody else is at work; `ERR_UX_WRONG_STATE` when the file has other names.
    public func requireFree() throws(BatchError) {
        try requireOneName()
        guard let row = try read(), row.isHeld else { return }
        throw busy(row)
    }

    public func busy(_ row: Row) -> BatchError {
        let batch = row.work.batch.flatMap(known)
        guard mayName(row) else {
            return BatchError(
                .busy, "another batch is running on this database", hint: "try again when it has ended")
        }
        let process = row.owner.map { " (process \($0.process))" } ?? ""
        let ended = batch?.hasEnded == true ? row.work.batch : nil
        let doing = ended.map { "the restore point of \($0) is being written for" } ?? "\(row.work.words) is running on"
        let what = "\(doing) \(connection.path)\(process)"
        if row.life == .unknown {
            return BatchError(
                .busy, "\(what), in another container or on another machine",
                hint: "try again in half a minute: if it does not answer by then, it is considered dead")
        }
        if row.work.kind == LeaseWork.queue, ended == nil, let batch = row.work.batch {
            return BatchError(
                .busy, what,
                hint: """
                    wait for it, or let its worker do yours next: \(command: "queue add JOB"); or stop it: \
                    \(command: "stop --id \(batch)")
                    """)
        }
        if row.work.kind == LeaseWork.host {
            return BatchError(.busy, what, hint: "wait until that program ends it: batch_commit() or batch_abort()")
        }
        // Its batch has no number yet; a stop reaches it all the same.
        if row.work.kind == "run", row.work.batch == nil, let job = row.work.job {
            return BatchError(.busy, what, hint: "wait for it, or stop it: \(command: "stop --id \(job)")")
        }
        return BatchError(
            .busy, what,
            hint: row.work.batch.flatMap { batch in
                ended == nil ? "wait for it, or stop it: \(command: "stop --id \(batch)")" : nil
            } ?? (ended == nil ? "try again when it has ended" : "try again in a moment: the batch itself has ended"))
    }

    /// Whether the tenant may be told what it is: its own batch.
    public func mayName(_ row: Row) -> Bool {
        tenant == nil || row.work.batch.flatMap(known)?.tenant == tenant
    }

    /// Nil for the batch of a host, which is seen by nobody else before it has ended.
    private func known(_ batch: String) -> (tenant: String?, hasEnded: Bool)? {
        let sql = "SELECT tenant, status FROM main.batchmgr_batches WHERE batch = ?"
        guard let row = try? connection.rows(sql, [.string(batch)]).first else { return nil }
        return (row[0].string, row[1].string != BatchStatus.running.rawValue)
    }
}
