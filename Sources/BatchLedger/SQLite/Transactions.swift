public import BatchCore
internal import BatchSystem
internal import CSQLite

/// Transactions of a connection. What begins, ends or holds them is compiled once: each batch needs it.
extension Connection {
    /// - Throws: `ERR_PERF_LEASE_LOST` when this connection worked under a lease that somebody else has now.
    func beginImmediate() throws(BatchError) {
        UnfinishedFiles.waitIfEnding()
        OpenConnections.noteOwner(handle)
        try run("BEGIN IMMEDIATE")
        do throws(BatchError) {
            try fence?(self)
        } catch {
            rollbackIfOpen()
            throw error
        }
    }

    /// Runs `body` in an IMMEDIATE transaction; any error rolls it back.
    public func transaction<Result>(_ body: () throws(BatchError) -> Result) throws(BatchError) -> Result {
        try beginImmediate()
        do {
            let result = try body()
            try commit()
            return result
        } catch {
            rollbackIfOpen()
            throw error
        }
    }

    /// In a process that is ending nothing is committed any more: what is open is rolled back.
    func commit() throws(BatchError) {
        if UnfinishedFiles.isEnding {
            rollbackIfOpen()
            UnfinishedFiles.waitIfEnding()
        }
        try run("COMMIT")
    }

    /// Full-text indexes gather changes and write them at the end of the transaction, or before a savepoint.
    func flushVirtualTables() throws(BatchError) {
        try run("SAVEPOINT batchmgr_flush")
        try run("RELEASE batchmgr_flush")
    }

    /// In WAL mode: transactions of `body` do not wait for the disk. The next one that does waits for them too, and
    /// none is there without those before it.
    public func unhurried<Result>(_ body: () throws(BatchError) -> Result) throws(BatchError) -> Result {
        guard ownsHandle, try value("PRAGMA main.journal_mode")?.string == "wal",
            let before = try value("PRAGMA main.synchronous")?.integer, before > 1
        else { return try body() }
        try execute("PRAGMA main.synchronous = NORMAL")
        defer { try? execute("PRAGMA main.synchronous = \(before)") }
        return try body()
    }

    /// `body` waits for a lock for so many milliseconds at most.
    public func waiting<Result>(
        atMost milliseconds: Int64, _ body: () throws(BatchError) -> Result
    ) throws(BatchError) -> Result {
        guard let busyWait else { return try body() }
        let limit = busyWait.limit
        busyWait.limit = min(limit, milliseconds)
        defer { busyWait.limit = limit }
        return try body()
    }

    /// A transaction that nothing depends on: in WAL mode the next one, or the next checkpoint, waits for the disk.
    func lazily(_ body: () throws(BatchError) -> Void) throws(BatchError) {
        try unhurried { () throws(BatchError) in try transaction(body) }
    }

    /// SQLite ends some transactions by itself (disk full, I/O error), so this may have nothing to do.
    public func rollbackIfOpen() {
        if !isAutocommit { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
    }
}
