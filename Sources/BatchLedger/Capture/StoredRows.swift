internal import BatchCore

/// Reads single rows as SELECT returns them, where a hook does not hand them over as they are stored.
final class StoredRows {
    private unowned let connection: Connection
    private let isUTF16: Bool
    private let kept: KeptValues
    private var readers: [Int: TableRows] = [:]

    init(_ connection: Connection, isUTF16: Bool, keeping kept: KeptValues) {
        self.connection = connection
        self.isUTF16 = isUTF16
        self.kept = kept
    }

    func dropStatements() { readers = [:] }

    /// - Throws: when there is no such row.
    func read(_ table: CapturedTable, key: [SQLValue], into row: inout RowBuffer) throws(BatchError) {
        guard try find(table, key: key, into: &row) else { throw StoredRows.unreadable(table) }
    }

    /// False when there is no such row.
    func find(_ table: CapturedTable, key: [SQLValue], into row: inout RowBuffer) throws(BatchError) -> Bool {
        let reader: TableRows
        if let known = readers[table.number] {
            reader = known
        } else {
            reader = try TableRows(table.visible, on: connection, byKeyAlone: true)
        }
        readers[table.number] = reader
        return try reader.read(key, isUTF16: isUTF16, into: &row) { table.columns[$0].mayBeKept ? kept : nil }
    }

    static func hiddenRows(of layout: TableLayout) -> BatchError {
        BatchError(
            .notUndoable, "table \(layout.name) hides its rowid, so its rows cannot be recorded before it changes",
            hint: "give one of its columns rowid, _rowid_, oid another name first")
    }

    static func unreadable(_ table: CapturedTable) -> BatchError {
        BatchError(
            .internalFault, "the changed row of table \(table.layout.name) cannot be read",
            hint: "check the library: \(command: "doctor")")
    }

    // MARK: Rows that cannot be named

    /// Reads the old row of a table whose rowid cannot be named, by the values that are known. A column that arrived as
    /// NULL holds NULL or, in a row from before ADD COLUMN, its default.
    func readHidden(_ table: CapturedTable, into row: inout RowBuffer) throws(BatchError) {
        let stored = table.layout.storedColumns
        var known = ByteBuffer()
        var conditions: [String] = []
        var count = 0
        let defaults = try connection.rows(
            "SELECT dflt_value FROM pragma_table_xinfo(?, 'main') ORDER BY cid", [.string(table.layout.name)]
        ).map { $0[0].string ?? "NULL" }
        for (position, column) in stored.enumerated() {
            let value = row.column(position)
            let name = SQLName.quote(table.visible.columns[column].name)
            if value.first == RowCodec.Tag.null && table.columns[position].hasDefault {
                conditions.append("(\(name) IS NULL OR \(name) IS (\(defaults[column])))")
                continue
            }
            count += 1
            if let base = value.baseAddress { known.append(base, count: value.count) }
            conditions.append("\(name) IS ?")
        }
        // The entries of the row are gone from the indexes already when the hook is called.
        let list = table.visible.storedColumnList
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let statement = try connection.prepare(
            "SELECT \(list) FROM main.\(table.layout.quotedName) NOT INDEXED\(condition)")
        try statement.bind(try known.values(count))
        var image: [UInt8]?
        while try statement.step() {
            row.begin(columns: stored.count)
            for column in stored.indices {
                row.mark(column)
                statement.encodeColumns(column..<column + 1, isUTF16: isUTF16, into: &row.buffer)
            }
            row.mark(stored.count)
            if let image, image != row.buffer.array { throw StoredRows.unreadable(table) }
            image = row.buffer.array
        }
        if image == nil { throw StoredRows.unreadable(table) }
    }
}
