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

    /// True when a copy needs all rows as they are: the changes do not tell them, or do not name them.
    public var isReadWhole: Bool {
        isRewritten || before == nil || after == nil || after?.key == .rowid(alias: nil)
    }

    /// What ANALYZE keeps. A whole copy leaves out what it keeps of the ledger, so its rows have other numbers there.
    public var isStatistics: Bool { name.hasPrefix("sqlite_stat") }
}
