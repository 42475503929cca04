public import BatchCore
internal import CSQLite
internal import Glibc

extension Connection {
    /// Copies the whole main database into `destination`, page by page, as one consistent state.
    ///
    /// The connection that holds the write lock cannot be the source: hold `BEGIN IMMEDIATE` there and copy through
    /// a second connection.
    public func backup(to destination: Connection) throws(BatchError) {
        guard let copy = sqlite3_backup_init(destination.handle, "main", handle, "main") else {
            throw SQLiteFault.error(
                sqlite3_errcode(destination.handle), destination.handle, doing: "copy to \(destination.path)")
        }
        try finish(copy, sqlite3_backup_step(copy, -1), to: destination)
    }

    private func finish(
        _ copy: OpaquePointer, _ code: Int32, to destination: Connection
    ) throws(BatchError) {
        let finished = sqlite3_backup_finish(copy)
        let code = code == SQLITE_DONE ? finished : code
        guard code == SQLITE_OK else {
            throw SQLiteFault.error(code, destination.handle, doing: "copy \(path) to \(destination.path)")
        }
    }

    /// The same a few megabytes at a time, with the lock given back in between: who waits to write a database in
    /// rollback-journal mode waits for one step, and not for the whole file.
    /// - Parameter between: called between two steps.
    /// - Returns: false when somebody has written during each of a few tries: there is no copy then.
    public func backup(inStepsTo destination: Connection, between: () -> Void = {}) throws(BatchError) -> Bool {
        guard let copy = sqlite3_backup_init(destination.handle, "main", handle, "main") else {
            throw SQLiteFault.error(
                sqlite3_errcode(destination.handle), destination.handle, doing: "copy to \(destination.path)")
        }
        var (code, done, tries) = (SQLITE_OK, Int32(0), 3)
        while code == SQLITE_OK, tries > 0 {
            code = sqlite3_backup_step(copy, Connection.stepPages)
            let now = sqlite3_backup_pagecount(copy) - sqlite3_backup_remaining(copy)
            // SQLite begins anew when the file has changed.
            if code == SQLITE_OK, now <= done { tries -= 1 }
            done = now
            if code == SQLITE_OK { between() }
        }
        if tries == 0 {
            sqlite3_backup_finish(copy)
            return false
        }
        try finish(copy, code, to: destination)
        return true
    }

    private static let stepPages: Int32 = 512
}

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
