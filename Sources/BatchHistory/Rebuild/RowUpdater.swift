internal import BatchCore
internal import BatchLedger

/// Sets changed columns of rows in a file that is being built.
final class RowUpdater {
    private let layout: TableLayout
    private let inserter: RowInserter
    private let connection: Connection
    private let condition: String
    /// Rows that stood in each other's way (two swapped unique values): taken out, and put back at the end.
    private var waiting: [(key: RowKey, values: [SQLValue])] = []

    init(_ layout: TableLayout, _ inserter: RowInserter, on connection: Connection) {
        self.layout = layout
        self.inserter = inserter
        self.connection = connection
        condition = layout.keyCondition
    }

    /// False when there is no such row.
    func update(_ key: RowKey, _ update: BakRecord.Update) throws(BatchError) -> Bool {
        let stored = layout.storedColumns
        let terms = update.columns.map { SQLName.quote(layout.columns[stored[$0]].name) + " = ?" }
        if terms.isEmpty { return true }
        let sql = "UPDATE main.\(layout.quotedName) SET \(terms.joined(separator: ", ")) WHERE \(condition)"
        do {
            try connection.run(sql, update.after + key.parameters)
            return connection.changes == 1
        } catch  where error.code == .constraint {
            return try takeOut(key, update)
        }
    }

    private func takeOut(_ key: RowKey, _ update: BakRecord.Update) throws(BatchError) -> Bool {
        let reader = try RowReader(layout, on: connection, where: condition, key.parameters)
        guard let row = try reader.next() else { return false }
        var values = row.values
        for (place, column) in update.columns.enumerated() { values[column] = update.after[place] }
        waiting.append((key, values))
        return try inserter.remove(key)
    }

    func finish() throws(BatchError) {
        for row in waiting { try inserter.insert(row.key, stored: row.values) }
        waiting = []
    }
}
