public import BatchCore
internal import CSQLite

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
        var code = sqlite3_backup_step(copy, -1)
        let finished = sqlite3_backup_finish(copy)
        if code == SQLITE_DONE { code = finished }
        guard code == SQLITE_OK else {
            throw SQLiteFault.error(code, destination.handle, doing: "copy \(path) to \(destination.path)")
        }
    }
}
