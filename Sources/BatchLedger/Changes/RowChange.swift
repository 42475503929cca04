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

/// The net changes of one or more batches: each changed row once.
public protocol ChangeSource {
    var tables: [ChangedTable] { get }

    /// Calls `body` once for every changed row of a table that is not rewritten, in ascending order of rowid, or of
    /// `RowKey.order` for WITHOUT ROWID tables. Memory use does not grow with the number of rows.
    func forEachChange(
        of table: ChangedTable, _ body: (RowChange) throws(BatchError) -> Void
    ) throws(BatchError)

    /// Calls `body` with the undo log of a run of several checkpoints, block by block. Of a single one the net changes
    /// say all.
    func forEachUndoBlock(_ body: (UndoBlockCopy) throws(BatchError) -> Void) throws(BatchError)
}

extension ChangeSource {
    public func forEachUndoBlock(_ body: (UndoBlockCopy) throws(BatchError) -> Void) throws(BatchError) {}
}
