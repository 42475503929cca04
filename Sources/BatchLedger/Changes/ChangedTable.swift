/// A table that a batch changed.
public struct ChangedTable: Hashable, Sendable {
    /// Nil when the batch created the table.
    public let before: TableLayout?
    /// Nil when the batch dropped it.
    public let after: TableLayout?
    /// The batch created, dropped or altered the table itself: there are no row changes, all rows count as new.
    public let isRewritten: Bool

    public init(before: TableLayout?, after: TableLayout?, isRewritten: Bool) {
        self.before = before
        self.after = after
        self.isRewritten = isRewritten
    }

    public var name: String { after?.name ?? before?.name ?? "" }
}
