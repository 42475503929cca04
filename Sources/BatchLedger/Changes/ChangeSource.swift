public import BatchCore

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
