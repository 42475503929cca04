/// What names a row of one table: its rowid, or the primary key values of a WITHOUT ROWID table, in key order.
public enum RowKey: Hashable, Sendable {
    case rowid(Int64)
    case values([SQLValue])

    /// What a condition on the key binds.
    public var parameters: [SQLValue] {
        switch self {
        case .rowid(let rowid): [.integer(rowid)]
        case .values(let values): values
        }
    }
}
