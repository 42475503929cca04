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
