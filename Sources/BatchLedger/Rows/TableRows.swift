public import BatchCore

/// Rows of one table by their keys, as SELECT returns them.
public final class TableRows {
    private let statement: Statement
    private let columns: Int

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when the columns hide the rowid: see `Connection.withVisibleRowid`.
    public init(_ layout: TableLayout, on connection: Connection) throws(BatchError) {
        let condition: String
        switch layout.key {
        case .rowid:
            guard let name = layout.rowidName else {
                throw BatchError(
                    .notUndoable, "rows of table \(layout.name) cannot be named: its columns hide the rowid",
                    hint: "give one of the columns rowid, _rowid_, oid another name")
            }
            condition = "\(name) = ?"
        case .primaryKey(let positions):
            condition = positions.map { SQLName.quote(layout.columns[$0].name) + " = ?" }.joined(separator: " AND ")
        }
        columns = layout.storedColumns.count
        let list = columns == 0 ? "NULL" : layout.storedColumnList
        statement = try connection.prepare("SELECT \(list) FROM main.\(layout.quotedName) WHERE \(condition)")
    }

    /// False when there is no such row.
    func read(_ key: [SQLValue], isUTF16: Bool, into row: inout RowBuffer) throws(BatchError) -> Bool {
        defer { statement.reset() }
        try statement.bind(key)
        row.begin(columns: columns)
        guard try statement.step() else { return false }
        for column in 0..<columns {
            row.mark(column)
            statement.encodeColumns(column..<column + 1, isUTF16: isUTF16, into: &row.buffer)
        }
        row.mark(columns)
        return true
    }

    /// The stored values; nil when there is no such row. "=" also finds a key that differs in case only.
    public func row(_ key: RowKey) throws(BatchError) -> [SQLValue]? {
        defer { statement.reset() }
        try statement.bind(key.parameters)
        return try statement.step() ? Array(statement.values.prefix(columns)) : nil
    }
}
