internal import BatchCore
internal import BatchLedger

/// The state digest of a file that is being built, carried along with every row that changes in it.
///
/// A database that is known by its bytes need not be read again: what is added to it is.
final class RowProof {
    /// Of tables whose rows were followed one by one.
    private var tables: [String: TableDigest]
    /// Tables that are to be read whole: so many of their rows changed that it is quicker.
    private var unfollowed: Set<String> = []

    /// - Parameter start: of the file as it is now.
    init(_ start: StateDigest) { tables = start.tables }

    /// Says that a table was filled anew.
    func forget(_ table: String) { unfollowed.insert(table) }

    /// Applies changes to rows of a table that has those keys before or after them.
    func follow(
        _ keys: Keys, of layout: TableLayout, on connection: Connection, _ change: () throws(BatchError) -> Void
    ) throws(BatchError) {
        // To find a row by its key costs several times as much as to read the next one.
        guard keys.count &* 8 < tables[layout.name]?.rows ?? 0, !unfollowed.contains(layout.name) else {
            unfollowed.insert(layout.name)
            return try change()
        }
        let before = try keys.digest(layout, connection)
        try change()
        var digest = tables[layout.name] ?? TableDigest()
        digest -= before
        digest += try keys.digest(layout, connection)
        tables[layout.name] = digest
    }

    /// The state digest of the file.
    func digest(of connection: Connection) throws(BatchError) -> StateDigest {
        let reader = SchemaReader(connection)
        var state = StateDigest(schema: try reader.digest())
        for table in try reader.tables() {
            if let known = tables[table.name], !unfollowed.contains(table.name), table.role != .system {
                state.tables[table.name] = known
            } else {
                let read = try StateDigest.compute(table, connection)
                state.tables[table.name] = read
                if table.role == .system { continue }
                tables[table.name] = read
                unfollowed.remove(table.name)
            }
        }
        return state
    }

    /// Some rows of a table, by their keys; each once.
    struct Keys {
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
}
