public import BatchCore
internal import CSQLite

/// What is different on the connection of a host, which runs its statements itself.
extension Gateway {
    /// A place in the record of the open checkpoint.
    public struct Mark {
        let recorder: Recorder.Mark
        let schema: SchemaMark?
    }

    /// Call it where the host could come back to: at the beginning of a statement, and at a savepoint.
    public func mark() -> Mark { Mark(recorder: recorder.mark(), schema: schemaMark()) }

    /// The host took back what it did since the mark: a statement failed half-way, or it went back to a savepoint.
    /// When so much was changed since that the record is in the log already, the checkpoint cannot be committed any more.
    public func goBack(to mark: Mark) {
        recorder.goBack(to: mark.recorder)
        goBack(to: mark.schema)
    }

    /// Looks at the statements of the host from here on: at what they read, and at the columns that they may set.
    public func watchStatements() { recorder.watch = StatementWatch(connection) }

    /// Like `commit`, while SQLite asks everybody to get ready for a COMMIT that the host has called.
    public func finishInSync(_ body: () throws(BatchError) -> Void) throws(BatchError) {
        isInSync = true
        isHolding = true
        defer { isInSync = false }
        try body()
        try part()
    }

    /// Leaves the transaction to the host, who will end it.
    public func part() throws(BatchError) {
        if guardMode != .off { try WriteGuard(ledger).close() }
        abandon()
    }

    /// The next checkpoint is in the same transaction.
    public func goOn() { recorder.reset() }

    /// Lets go of every statement that is kept from row to row; they are made again when they are needed.
    public func dropStatements() { recorder.rowReaders = [:] }

    /// The transaction is gone, or goes on without us.
    public func abandon() {
        isHolding = false
        readFacts.forget()
        recorder.reset()
        systemLog.discard()
        // They may have gone with the transaction.
        recorder.triggers?.schemaVersion = nil
    }
}

extension Connection {
    /// Makes SQLite compile every statement anew before it runs again. A DELETE of all rows that was prepared before
    /// the hook was set would not call it.
    ///
    /// A change of a setting does that, and unlike a reset of the schema it is harmless to statements that are running.
    func expireStatements() {
        var now: Int32 = 0
        csqlite_db_config(handle, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, -1, &now)
        csqlite_db_config(handle, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, now == 0 ? 1 : 0, nil)
        csqlite_db_config(handle, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, now, nil)
    }
}
