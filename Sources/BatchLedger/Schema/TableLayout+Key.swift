internal import BatchCore

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
}
