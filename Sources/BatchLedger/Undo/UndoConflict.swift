public import BatchCore

/// A row that is not as the batch left it, so that undoing the batch would lose somebody else's change.
public struct UndoConflict: Hashable, Sendable {
    public enum Reason: String, Sendable {
        /// The row has other values now.
        case changed
        /// The row is gone.
        case missing
        /// A row has taken the key, or a unique value, that the undone row needs.
        case taken
        /// The table reads differently, or is gone.
        case schema
    }

    /// The batch that is being undone.
    public let batch: String
    public let table: String
    public let key: RowKey?
    public let reason: Reason
    /// The row as the batch left it, as far as it is known: a hash in hexadecimal, or words.
    public let expected: String
    public let found: String
    /// Who changed it: a batch id, or "drift".
    public var changedBy: String?

    public init(
        batch: String, table: String, key: RowKey?, reason: Reason, expected: String, found: String,
        changedBy: String? = nil
    ) {
        self.batch = batch
        self.table = table
        self.key = key
        self.reason = reason
        self.expected = expected
        self.found = found
        self.changedBy = changedBy
    }
}
