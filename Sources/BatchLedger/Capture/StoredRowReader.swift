internal import BatchCore

/// Reads one row of a table by its key, as SELECT returns it.
final class StoredRowReader {
    private let statement: Statement
    private let columns: Int

    init(_ layout: TableLayout, on connection: Connection) throws(BatchError) {
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
}
