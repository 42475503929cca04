public import BatchCore
internal import BatchSystem
internal import CSQLite

/// What SQLite's own check says of a database file: https://www.sqlite.org/pragma.html#pragma_integrity_check
public enum IntegrityCheck {
    public enum Kind: String, Sendable {
        /// Leaves out whether the indexes hold what their tables do.
        case quick = "quick_check"
        case whole = "integrity_check"
    }

    public enum Finding: Hashable, Sendable {
        case ok
        /// The file is whole, but rows are in it that a CHECK of their table does not allow: they were written while the
        /// checks were switched off, or before there was one. The first of them, in SQLite's words.
        case brokenChecks(String)
        /// The first fault, in SQLite's words.
        case damage(String, hasMore: Bool)
    }

    /// - Throws: `ERR_DATA_CORRUPT_DATABASE` where the file cannot be read as far as that; `ERR_DATA_SQL` where a module
    ///   or a collation is missing.
    public static func run(_ kind: Kind, on connection: Connection) throws(BatchError) -> Finding {
        let connection = knowingChecks(connection) ?? connection
        let found = try lines(kind, connection)
        if found == ["ok"] { return .ok }
        if try withoutChecks(connection, { () throws(BatchError) in try lines(kind, connection) }) == ["ok"] {
            return .brokenChecks(found.first ?? "no answer")
        }
        let first = found.flatMap { $0.split(separator: "\n") }.first { !$0.hasPrefix("***") }
        return .damage(first.map(String.init) ?? "no answer", hasMore: found.count > 1)
    }

    /// SQLite does not read the CHECKs of a file that it may not write to.
    private static func knowingChecks(_ connection: Connection) -> Connection? {
        guard sqlite3_db_readonly(connection.handle, "main") == 1, !connection.path.isEmpty,
            Folder.mayWrite(connection.path), let other = try? Connection(path: connection.path, mode: .readWrite)
        else { return nil }
        csqlite_db_config(other.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nil)
        other.tolerateUnknownCollations()
        guard (try? other.execute("PRAGMA query_only = ON")) != nil else { return nil }
        return other
    }

    private static func lines(_ kind: Kind, _ connection: Connection) throws(BatchError) -> [String] {
        try connection.rows("PRAGMA main.\(kind.rawValue)(5)").compactMap { $0.first?.string }
    }

    private static func withoutChecks<Result>(
        _ connection: Connection, _ body: () throws(BatchError) -> Result
    ) throws(BatchError) -> Result {
        try connection.execute("PRAGMA ignore_check_constraints = ON")
        defer { try? connection.execute("PRAGMA ignore_check_constraints = OFF") }
        return try body()
    }
}
