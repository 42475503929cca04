internal import BatchCore
internal import BatchLedger

/// Inserts and deletes rows of one table in a file that is being built.
final class RowInserter {
    let format: LineFormat
    private let layout: TableLayout
    private let connection: Connection
    private let insertion: Statement

    init(_ layout: TableLayout, on connection: Connection) throws(BatchError) {
        self.layout = layout
        self.connection = connection
        format = LineFormat(layout)
        let stored = layout.storedColumns
        var names = format.order.map { SQLName.quote(layout.columns[stored[$0]].name) }
        if let rowid = layout.rowidName { names.insert(rowid, at: 0) }
        let places = names.map { _ in "?" }.joined(separator: ", ")
        let list = names.isEmpty ? "DEFAULT VALUES" : "(\(names.joined(separator: ", "))) VALUES (\(places))"
        insertion = try connection.prepare("INSERT INTO main.\(layout.quotedName) \(list)")
    }

    /// - Parameter values: in the order of the line format.
    func insert(rowid: Int64?, _ values: [SQLValue]) throws(BatchError) {
        var position = 1
        if layout.rowidName != nil {
            try insertion.bind(rowid.map(SQLValue.integer) ?? .null, at: position)
            position += 1
        }
        for value in values {
            try insertion.bind(value, at: position)
            position += 1
        }
        _ = try insertion.step()
        insertion.reset()
    }

    /// - Parameter values: the stored values in the order of the layout.
    func insert(_ key: RowKey, stored values: [SQLValue]) throws(BatchError) {
        var rowid: Int64?
        if case .rowid(let number) = key { rowid = number }
        try insert(rowid: rowid, format.arranged(values))
    }

    func removeAll() throws(BatchError) { try connection.execute("DELETE FROM main.\(layout.quotedName)") }

    /// False when there was no such row.
    func remove(_ key: RowKey) throws(BatchError) -> Bool {
        try connection.run(
            "DELETE FROM main.\(layout.quotedName) WHERE \(layout.keyCondition)", key.parameters)
        return connection.changes == 1
    }
}
