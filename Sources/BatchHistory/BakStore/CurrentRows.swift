internal import BatchCore
internal import BatchLedger

/// Completes the records of a `.bak` from the rows as they are now.
struct CurrentRows {
    private let layout: TableLayout
    private let connection: Connection
    private let statement: Statement?

    init(_ layout: TableLayout, on connection: Connection) throws(BatchError) {
        self.layout = layout
        self.connection = connection
        let condition: String
        switch layout.key {
        case .rowid: condition = "\(layout.rowidName ?? "NULL") = ?"
        case .primaryKey(let positions):
            condition = positions.map { SQLName.quote(layout.columns[$0].name) + " = ?" }.joined(separator: " AND ")
        }
        // The table may be another one by now: that is a conflict which the undo itself finds.
        statement = try? connection.prepare(
            "SELECT \(layout.storedColumnList) FROM main.\(layout.quotedName) WHERE \(condition)")
    }

    func change(_ record: BakRecord) throws(BatchError) -> NetChange {
        switch record {
        case .insert(let key, let row): return NetChange(key: key, kind: .insert, left: RowCodec.hash(row).low)
        case .delete(let key, let row): return NetChange(key: key, kind: .delete(row), left: 0)
        case .update(let key, let update):
            let kind = NetChange.Kind.update(update.columns, before: update.before)
            let found = try row(key).map { RowCodec.hash($0).low } ?? 0
            let isAsLeft = UInt32(truncatingIfNeeded: found) == update.hash
            // A row that others have changed must not pass for the one that the batch left.
            return NetChange(key: key, kind: kind, left: isAsLeft ? found : NetChange.notAsLeft(found))
        }
    }

    private func row(_ key: RowKey) throws(BatchError) -> [SQLValue]? {
        guard let statement else { return nil }
        defer { statement.reset() }
        switch key {
        case .rowid(let rowid): try statement.bind([.integer(rowid)])
        case .values(let values): try statement.bind(values)
        }
        return try statement.step() ? statement.values : nil
    }
}
