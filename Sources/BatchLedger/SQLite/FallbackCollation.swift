internal import CSQLite
internal import Glibc

extension Connection {
    /// Lets the schema name collations that only the application has: they compare bytes here.
    ///
    /// An index that uses one is then in byte order, so the application has to REINDEX it.
    public func tolerateUnknownCollations() {
        sqlite3_collation_needed(handle, nil) { _, database, _, name in
            // In a UTF-16 database SQLite asks for its own ones too, before it makes them from their UTF-8 form.
            for own in ["BINARY", "NOCASE", "RTRIM"] where name.map({ strcasecmp(own, $0) == 0 }) == true { return }
            sqlite3_create_collation_v2(
                database, name, SQLITE_UTF8, nil,
                { _, leftCount, left, rightCount, right in
                    guard let left, let right else { return leftCount - rightCount }
                    let order = memcmp(left, right, Int(min(leftCount, rightCount)))
                    return order == 0 ? leftCount - rightCount : order
                }, nil)
        }
    }
}
