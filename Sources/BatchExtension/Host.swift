internal import BatchCore
internal import BatchLedger
internal import CLinux
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
    private var isAtWork = false
    /// The transaction is about to be watched: see `TransactionWatch`.
    var isJoining = false
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
                .wrongState, "another function of batchmgr is still at work on this connection",
                hint: "call it in a SELECT of its own")
        }
        try requireNoWriter()
        // A batch that ended with a COMMIT of the host could not do it.
        if batch == nil { narrowPageCache() }
        isAtWork = true
        // The rows of the ledger are no business of the host.
        let lastRow = connection.lastInsertRowID
        defer {
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
            if batch.process == getpid() { return batch }
            throw BatchError(
                .wrongState, "batch \(batch.name) was begun by another process, from which this one was forked",
                hint: "open a connection of your own behind fork()")
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
        batch = nil
        ended = reason
        connection.dropCachedStatements()
    }

    // MARK: The world outside

    var now: Timestamp { Timestamp(milliseconds: Int64(clinux_wall_milliseconds())) }

    func randomID() -> String {
        var generator = SystemRandomNumberGenerator()
        return Hex.string(generator.next() as UInt64) + Hex.string(generator.next() as UInt64)
    }

    /// Where the undo log of a large batch waits: the folders that SQLite takes for its own temporary files.
    var temporaryFolder: String {
        for name in ["SQLITE_TMPDIR", "TMPDIR"] {
            if let folder = getenv(name).map({ String(cString: $0) }), access(folder, W_OK | X_OK) == 0 {
                return folder
            }
        }
        return access("/var/tmp", W_OK | X_OK) == 0 ? "/var/tmp" : "/tmp"
    }
}
