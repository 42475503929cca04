public import BatchCore

/// What a batch did to one row, first state to last: nil `before` is a new row, nil `after` a deleted one.
public struct RowChange: Hashable, Sendable {
    public let key: RowKey
    /// Values of the stored columns, in the order of `TableLayout.storedColumns`.
    public let before: [SQLValue]?
    public let after: [SQLValue]?

    public init(key: RowKey, before: [SQLValue]?, after: [SQLValue]?) {
        self.key = key
        self.before = before
        self.after = after
    }
}
