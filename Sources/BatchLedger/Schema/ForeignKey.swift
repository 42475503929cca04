/// A reference from columns of one table to a key of another.
public struct ForeignKey: Hashable, Sendable {
    public let parent: String
    /// Positions in the child's `TableLayout.columns`.
    public let columns: [Int]
    /// Names of the parent's columns; empty when the declaration leaves them to the parent's primary key.
    public let parentColumns: [String]
}
