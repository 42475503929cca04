/// A later batch that would not be the same without an earlier one.
public struct Dependent: Hashable, Sendable {
    public enum Kind: String, Sendable {
        /// The job says so with `needs:`.
        case declared
        /// It changed a row that the earlier batch changed.
        case row
        /// It refers to a row that the earlier batch made, or removed one that the earlier batch's rows need.
        case foreignKey = "foreign_key"
        /// It took a unique value that the earlier batch had freed.
        case unique
    }

    /// `BatchRecord.seq`.
    public let batch: Int64
    /// The batch that it depends on.
    public let on: Int64
    /// 1 for a direct dependent.
    public let depth: Int
    public let kind: Kind
    /// What proves it, e.g. `row invoices 12 keys`.
    public let evidence: String
}
