internal import BatchCore
internal import BatchLedger
internal import BatchSystem
internal import CSQLite
internal import Glibc

/// One connection of a host, with the batch that is open on it.
///
/// SQLite calls in here under the mutex of the connection, and frees this with the last function of the connection.
final class Host {
    let database: OpaquePointer
    let connection: Connection
    var batch: HostBatch?
    /// Where the functions of TEMP triggers hand over what they see.
    weak var recording: Gateway?
    /// Why the last batch is not open any more, for who still believes so.
    var ended: String?
    /// The savepoints of the open transaction, as SQLite numbers them.
    var savepoints: [Int32] = []
    /// One of our functions is at work: SQL that it runs may not call another one.
    var isAtWork = false
    /// The transaction is about to be watched: see `TransactionTable`.
    var isJoining = false
    /// The authorizer that the host had set before ours.
    var authorizer: HookPlace.Hook?
    /// The schema cookie with which all tables of the ledger were there.
    var ledgerVersion: Int64?
    /// The signals that are declared, with `Connection.dataVersion` of the time when that was read.
    var signals: (version: Int64, kinds: [String: SignalKind])?
    /// See `widenPageCache`.
    var hasWidePageCache = false

    init(_ database: OpaquePointer) {
        self.database = database
        connection = Connection(borrowing: database)
    }

    deinit {
        batch = nil
        connection.dropCachedStatements()
    }

    /// Runs a function that writes.
    /// - Throws: `ERR_UX_WRONG_STATE` when it is called in a place where it cannot work.
    func write<Result>(_ body: () throws(BatchError) -> Result) throws(BatchError) -> Result {
        guard !isAtWork else {
            throw BatchError(
                .wrongState, "another function of batchmgr is still running on this connection",
                hint: "call it in a SELECT of its own")
        }
        try requireNoWriter()
        // A batch that ended with a COMMIT of the host could not do it.
        if batch == nil { narrowPageCache() }
        isAtWork = true
        // The rows of the ledger are no business of the host.
        let lastRow = connection.lastInsertRowID
        let hook = HookPlace.update?.read(database)
        if hook?.function != nil { sqlite3_update_hook(database, nil, nil) }
        defer {
            if let hook, let function = hook.function {
                sqlite3_update_hook(database, unsafeBitCast(function, to: HookPlace.Update.self), hook.argument)
            }
            sqlite3_set_last_insert_rowid(database, lastRow)
            isAtWork = false
        }
        return try body()
    }

    /// A statement that writes cannot have its transaction end under it.
    private func requireNoWriter() throws(BatchError) {
        var statement = sqlite3_next_stmt(database, nil)
        while let current = statement {
            if sqlite3_stmt_busy(current) != 0 && sqlite3_stmt_readonly(current) == 0 {
                throw BatchError(
                    .wrongState, "a statement that writes is still running on this connection",
                    hint: "finish or reset it, and call the function in a SELECT of its own")
            }
            statement = sqlite3_next_stmt(database, current)
        }
    }

    var runningStatements: Int {
        var count = 0
        var statement = sqlite3_next_stmt(database, nil)
        while let current = statement {
            if sqlite3_stmt_busy(current) != 0 { count += 1 }
            statement = sqlite3_next_stmt(database, current)
        }
        return count
    }

    func requireBatch() throws(BatchError) -> HostBatch {
        if let batch {
            if batch.process == Environment.processID { return batch }
            throw BatchError(
                .wrongState, "batch \(batch.name) was begun by another process, from which this one was forked",
                hint: "open a new connection after fork()")
        }
        throw BatchError(
            .wrongState, ended ?? "no batch is open on this connection",
            hint: "begin one: SELECT batch_begin('NAME')")
    }

    /// The batch is over, whatever became of it.
    /// - Parameter canWrite: false while SQLite ends the transaction; what is left on the connection then does nothing.
    func close(because reason: String? = nil, canWrite: Bool = true) {
        batch?.gateway.restoreTriggerSetting()
        if canWrite {
            batch?.gateway.removeTriggers()
            narrowPageCache()
        }
        // What is left of it in the database goes with the transaction, or is found abandoned.
        batch?.lease.forget()
        batch = nil
        ended = reason
        // The next batch runs the same ones: to compile them costs more than a batch of one row does. They go when the
        // connection is closed: see `TransactionTable`.
        connection.limitCachedStatements(to: Host.mostStatements)
    }

    private static let mostStatements = 256

    // MARK: The world outside

    var now: Timestamp { WallClock.now }

    func randomID() -> String {
        var generator = SystemRandomNumberGenerator()
        return Hex.string(generator.next() as UInt64) + Hex.string(generator.next() as UInt64)
    }

    /// Where the undo log of a large batch waits: the folders that SQLite takes for its own temporary files.
    var temporaryFolder: String {
        for name in ["SQLITE_TMPDIR", "TMPDIR"] {
            if let folder = Environment.value(name), Folder.mayWrite(folder) {
                return folder
            }
        }
        return Folder.mayWrite("/var/tmp") ? "/var/tmp" : "/tmp"
    }
}

/// What SQLite tells of the transaction that a batch is in.
extension Host {
    func committed() {
        savepoints = []
        guard let batch, batch.phase == .sealed else { return }
        batch.noteCommit()
        if batch.onCommit == .checkpoint { return goBetween(batch) }
        close(because: "batch \(batch.name) ended with the COMMIT of its transaction", canWrite: false)
    }

    func rolledBack() {
        savepoints = []
        guard let batch, batch.phase != .ending, batch.phase != .between else { return }
        batch.gateway.abandon()
        // What was committed before is a batch still, and goes on.
        if batch.onCommit == .checkpoint, batch.committed > 0 {
            batch.takeBack()
            return goBetween(batch)
        }
        close(because: "batch \(batch.name) is gone: its transaction was rolled back", canWrite: false)
    }

    func marked(_ savepoint: Int32) {
        if batch?.gateway.isReadingSchema == true { return }
        savepoints.removeAll { $0 >= savepoint }
        savepoints.append(savepoint)
        // A COMMIT has failed, and the host goes on.
        if let batch, batch.phase == .sealed { batch.phase = .open }
        guard let batch, batch.phase == .open, !batch.gateway.hasBegun(at: savepoint) else { return }
        batch.mark(savepoint)
        batch.gateway.noteBegin(at: savepoint)
    }

    func released(_ savepoint: Int32) {
        if batch?.gateway.isReadingSchema == true { return }
        if let batch, batch.phase == .open { batch.gateway.noteEnd(at: savepoint) }
        savepoints.removeAll { $0 >= savepoint }
        batch?.release(savepoint, open: savepoints.count)
    }

    func wentBack(to savepoint: Int32) {
        if batch?.gateway.isReadingSchema == true { return }
        if let batch, batch.phase == .open { batch.gateway.noteReturn(to: savepoint) }
        savepoints.removeAll { $0 > savepoint }
        guard let batch, batch.phase == .open else { return }
        guard savepoints.count <= batch.base else { return batch.goBack(to: savepoint) }
        if batch.goBackToStart() { return }
        batch.gateway.abandon()
        close(
            because: "batch \(batch.name) is gone: its transaction went back to a savepoint before it", canWrite: false)
    }
}

/// A larger page cache for the length of a batch: with SQLite's standard of 2 MB, pages of indexes and of the undo log
/// push each other out, and are written again and again.
extension Host {
    private static let standard: Int64 = -2_000
    /// In KiB, negative as SQLite wants it.
    private static let wide: Int64 = -32_768

    private var pageCache: Int64? {
        get { (try? connection.value("PRAGMA main.cache_size"))?.integer }
        set { if let newValue { try? connection.execute("PRAGMA main.cache_size = \(newValue)") } }
    }

    /// A host that has chosen a size for itself keeps it.
    func widenPageCache() {
        guard pageCache == Host.standard else { return }
        pageCache = Host.wide
        hasWidePageCache = true
    }

    /// Gives the memory back. The host may have chosen a size since.
    func narrowPageCache() {
        guard hasWidePageCache else { return }
        hasWidePageCache = false
        if pageCache == Host.wide { pageCache = Host.standard }
    }
}
