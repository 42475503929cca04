internal import BatchCore
internal import CSQLite

/// How the SQLite at hand numbers the columns of an updated row.
///
/// SQLite 3.40 counts the new values of an UPDATE in the order in which rows are stored, where virtual generated columns
/// stand behind all others; the documentation promises the order of the table. So one update is tried out.
enum PreupdateNumbering {
    static let updatesByStorage: Bool = probe()

    private static func probe() -> Bool {
        var seen: Int64 = 0
        guard let connection = try? Connection(path: ":memory:") else { return false }
        let table =
            "CREATE TABLE p(v AS (k) VIRTUAL, k INTEGER PRIMARY KEY, w) WITHOUT ROWID; INSERT INTO p VALUES(5, 1)"
        guard (try? connection.execute(table)) != nil else { return false }
        withUnsafeMutablePointer(to: &seen) { seen in
            sqlite3_preupdate_hook(
                connection.handle,
                { context, database, _, _, _, _, _ in
                    var value: OpaquePointer?
                    guard sqlite3_preupdate_new(database, 1, &value) == SQLITE_OK, let value else { return }
                    context?.assumingMemoryBound(to: Int64.self).pointee = sqlite3_value_int64(value)
                }, seen)
            try? connection.execute("UPDATE p SET w = 2")
            sqlite3_preupdate_hook(connection.handle, nil, nil)
        }
        return seen != 5
    }
}
