internal import BatchCore
internal import BatchLedger

/// Some rows of a table, by their keys; each once.
struct RowKeys {
    private var keys: Set<RowKey> = []

    var count: Int64 { Int64(keys.count) }

    mutating func insert(_ key: RowKey) { keys.insert(key) }

    /// Of those rows that are there.
    func digest(_ layout: TableLayout, _ connection: Connection) throws(BatchError) -> TableDigest {
        let condition = layout.keyCondition
        var sum = TableDigest()
        for key in keys {
            sum += try RowReader(layout, on: connection, where: condition, key.parameters).digest()
        }
        return sum
    }
}

extension TableLayout {
    /// SQL behind WHERE that finds the row of one key, which it binds.
    var keyCondition: String {
        guard case .primaryKey(let positions) = key else { return "\(rowidName ?? "rowid") = ?" }
        return positions.map { SQLName.quote(columns[$0].name) + " = ?" }.joined(separator: " AND ")
    }
}

extension RowKey {
    /// What a key condition binds.
    var parameters: [SQLValue] {
        switch self {
        case .rowid(let rowid): [.integer(rowid)]
        case .values(let values): values
        }
    }
}
