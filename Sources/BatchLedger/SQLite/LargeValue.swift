public import BatchCore
internal import CSQLite

/// A BLOB that has its size already, and is filled piece by piece: it never is in memory as a whole.
public final class LargeValue {
    private let connection: Connection
    private let blob: OpaquePointer
    private var position: Int32 = 0

    /// - Parameter row: the rowid.
    public init(in connection: Connection, table: String, column: String, row: Int64) throws(BatchError) {
        var opened: OpaquePointer?
        let code = sqlite3_blob_open(connection.handle, "main", table, column, row, 1, &opened)
        guard code == SQLITE_OK, let opened else {
            throw SQLiteFault.error(code, connection.handle, doing: "write into \(table) of \(connection.path)")
        }
        self.connection = connection
        blob = opened
    }

    deinit { sqlite3_blob_close(blob) }

    public func append(_ bytes: UnsafeRawBufferPointer) throws(BatchError) {
        let code = sqlite3_blob_write(blob, bytes.baseAddress, Int32(bytes.count), position)
        guard code == SQLITE_OK else {
            throw SQLiteFault.error(code, connection.handle, doing: "write \(connection.path)")
        }
        position += Int32(bytes.count)
    }
}
