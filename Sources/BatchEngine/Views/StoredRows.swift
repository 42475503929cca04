internal import BatchCore
internal import BatchLedger

/// Single rows of one table, found by their keys.
struct StoredRows {
    private let statement: Statement?

    /// - Parameter layout: of a table whose rows SQL can name; no row is found in another.
    init(_ layout: TableLayout, _ connection: Connection) throws(BatchError) {
        if case .rowid(nil) = layout.key {
            statement = nil
            return
        }
        let terms = layout.keyColumnNames.map { SQLName.quote($0) + " = ?" }.joined(separator: " AND ")
        let columns = layout.storedColumns.isEmpty ? "NULL" : layout.storedColumnList
        statement = try connection.prepare("SELECT \(columns) FROM main.\(layout.quotedName) WHERE \(terms)")
    }

    /// The stored values; nil when there is no such row.
    func row(_ key: RowKey) throws(BatchError) -> [SQLValue]? {
        guard let statement else { return nil }
        defer { statement.reset() }
        switch key {
        case .rowid(let rowid): try statement.bind([.integer(rowid)])
        case .values(let values): try statement.bind(values)
        }
        return try statement.step() ? statement.values : nil
    }
}
