public import BatchCore
internal import CSQLite

extension Statement {
    /// Appends columns of the current row in `RowCodec` form, straight from SQLite's memory.
    func encodeColumns(_ columns: Range<Int>, isUTF16: Bool, into buffer: inout ByteBuffer) {
        for column in columns {
            let index = Int32(column)
            switch sqlite3_column_type(handle, index) {
            case SQLITE_INTEGER: buffer.appendInteger(sqlite3_column_int64(handle, index))
            case SQLITE_FLOAT: buffer.appendReal(sqlite3_column_double(handle, index))
            case SQLITE_TEXT where isUTF16:
                let start = sqlite3_column_text16(handle, index)
                buffer.appendBytes(RowCodec.Tag.text16, start, Int(sqlite3_column_bytes16(handle, index)))
            case SQLITE_TEXT:
                let start = UnsafeRawPointer(sqlite3_column_text(handle, index))
                buffer.appendBytes(RowCodec.Tag.text, start, Int(sqlite3_column_bytes(handle, index)))
            case SQLITE_BLOB:
                let start = sqlite3_column_blob(handle, index)
                buffer.appendBytes(RowCodec.Tag.blob, start, Int(sqlite3_column_bytes(handle, index)))
            default: buffer.append(RowCodec.Tag.null)
            }
        }
    }
}

/// All rows of a table in key order, one at a time.
public struct RowReader {
    private let connection: Connection
    private let layout: TableLayout
    private let statement: Statement
    private let keyColumns: Int
    private let columns: Range<Int>
    private let isUTF16: Bool

    /// - Parameter condition: SQL behind WHERE, with the values it binds.
    public init(
        _ layout: TableLayout, on connection: Connection, where condition: String? = nil, _ parameters: [SQLValue] = []
    ) throws(BatchError) {
        self.connection = connection
        self.layout = layout
        isUTF16 = connection.isUTF16
        keyColumns = layout.rowidName == nil ? 0 : 1
        var sql = "SELECT "
        // A table may hold nothing but its rowid and generated columns.
        let columns = [layout.rowidName, layout.storedColumns.isEmpty ? nil : layout.storedColumnList].compactMap(
            \.self)
        sql += (columns.isEmpty ? ["NULL"] : columns).joined(separator: ", ")
        sql += " FROM main." + layout.quotedName
        if let condition { sql += " WHERE " + condition }
        if let order = layout.keyOrder { sql += " ORDER BY " + order }
        self.columns = 0..<keyColumns + layout.storedColumns.count
        statement = try connection.prepare(sql)
        try statement.bind(parameters)
    }

    /// The next row; nil behind the last. `key` is nil when the rowid cannot be named (see `TableLayout.rowidName`).
    public func next() throws(BatchError) -> (key: RowKey?, values: [SQLValue])? {
        guard try statement.step() else { return nil }
        let values = (0..<layout.storedColumns.count).map { statement.value(keyColumns + $0) }
        switch layout.key {
        case .primaryKey(let positions):
            let stored = layout.storedColumns
            let key = positions.compactMap { position in stored.firstIndex(of: position).map { values[$0] } }
            return (.values(key), values)
        case .rowid(nil): return (nil, values)
        case .rowid: return (.rowid(statement.value(0).integer ?? 0), values)
        }
    }

    /// Appends the next row in `RowCodec` form, the rowid (where it can be named) before the stored columns; false behind
    /// the last row.
    public func nextEncoded(into buffer: inout ByteBuffer) throws(BatchError) -> Bool {
        guard try statement.step() else { return false }
        statement.encodeColumns(columns, isUTF16: isUTF16, into: &buffer)
        return true
    }

    /// Sums the hashes of all remaining rows without making values of them.
    public func digest() throws(BatchError) -> TableDigest {
        var sum = TableDigest()
        var buffer = ByteBuffer()
        let columns = keyColumns..<keyColumns + layout.storedColumns.count
        while try statement.step() {
            buffer.removeAll()
            statement.encodeColumns(columns, isUTF16: isUTF16, into: &buffer)
            sum.digest += buffer.digest()
            sum.rows += 1
        }
        return sum
    }
}
