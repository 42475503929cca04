public import BatchCore

extension TableLayout {
    /// SQL behind WHERE that finds the row of one key, which it binds.
    public var keyCondition: String {
        switch key {
        case .rowid: "\(rowidName ?? "NULL") = ?"
        // The key of a WITHOUT ROWID table may be NULL-free only, so "=" finds it by the key's own index.
        case .primaryKey(let positions):
            positions.map { SQLName.quote(columns[$0].name) + " = ?" }.joined(separator: " AND ")
        }
    }

    /// The values of a row with the names of their columns.
    /// - Parameter row: the stored columns in their order.
    public func fields(of row: [SQLValue]) -> [Change.Field] {
        zip(storedColumns, row).map { Change.Field(columns[$0].name, $1) }
    }
}
