internal import BatchCore
internal import BatchSystem
internal import CSQLite

/// The one funnel for SQLite's result codes: each becomes a `BatchError` that says what to do.
enum SQLiteFault {
    /// - Parameter doing: what was tried, with the name of the thing: "prepare a statement", "open app.db".
    static func error(_ code: Int32, _ database: OpaquePointer?, doing: String) -> BatchError {
        let detail = database.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? ""
        let said = detail.isEmpty ? String(cString: sqlite3_errstr(code)) : detail
        let error = refusal(code, database, "\(doing): \(said)")
        return BatchError(error.code, error.message, hint: error.hint, cause: .sqlite(code: code, said: said))
    }

    /// `SQLITE_BUSY_SNAPSHOT`, a macro that Swift does not see.
    private static let busySnapshot: Int32 = 5 | 2 << 8

    private static func refusal(_ code: Int32, _ database: OpaquePointer?, _ message: String) -> BatchError {
        switch code & 0xFF {
        case SQLITE_BUSY where database.map(sqlite3_extended_errcode) == busySnapshot:
            return BatchError(
                .busy, "\(message): the transaction read before another program wrote",
                hint: "waiting does not help: ROLLBACK, and begin again with BEGIN IMMEDIATE")
        case SQLITE_BUSY, SQLITE_LOCKED:
            return BatchError(.busy, message, hint: "another program holds the database; try again in a moment")
        case SQLITE_FULL:
            return BatchError(.diskFull, message, hint: "free some space, then: \(command: "doctor")")
        case SQLITE_NOMEM:
            return SystemError.outOfMemory.error(message)
        case SQLITE_IOERR, SQLITE_CANTOPEN:
            // The system's reason, where it has one that says more than SQLite's words.
            let reason = SystemError(code: sqlite3_system_errno(database))
            if reason.isShortage { return reason.error(message) }
            return BatchError(.file, message, hint: "check that the path exists and may be read and written")
        case SQLITE_NOTADB:
            return BatchError(.notADatabase, message, hint: "give the path of a SQLite database: --db PATH")
        case SQLITE_CORRUPT:
            return BatchError(.corruptDatabase, message, hint: "see what is damaged: \(command: "verify")")
        case SQLITE_READONLY, SQLITE_PERM:
            return BatchError(
                .readOnly, message, hint: "make the database and its folder writable, then: \(command: "doctor")")
        case SQLITE_CONSTRAINT:
            return BatchError(
                .constraint, message, hint: "the transaction was rolled back; correct the statement or the data")
        case SQLITE_AUTH:
            return BatchError(.forbiddenStatement, message, hint: "see docs/catalog.md for what a batch may do")
        case SQLITE_INTERRUPT:
            return BatchError(.stopped, message, hint: "go on with: \(command: "resume --id BATCH")")
        default:
            return BatchError(.sql, message, hint: "correct the statement")
        }
    }
}
