public import BatchCore

/// The net changes of a run of checkpoints, one at a time, for a reader that comes for each when it wants it.
///
/// They are worked out table by table and wait in a file, so memory stays flat.
public final class ChangeReader {
    private let source: any ChangeSource
    private let folder: String
    private var tables: ArraySlice<ChangedTable>
    private var table: ChangedTable?
    private var spool: ChangeSpool?
    private var block = 0
    private var changes: ArraySlice<RowChange> = []

    /// - Parameters:
    ///   - table: the only one that is wanted; nil for all.
    ///   - folder: where changes wait.
    public init(_ source: any ChangeSource, of table: String? = nil, folder: String) {
        self.source = source
        self.folder = folder
        tables = source.tables.filter { table == nil || $0.name == table }[...]
    }

    /// The next change, in the order of keys within a table; nil behind the last. Without a change of a row for a table
    /// that was created, dropped or altered.
    public func next() throws(BatchError) -> (table: ChangedTable, change: RowChange?)? {
        while true {
            if let table, let change = changes.popFirst() { return (table, change) }
            if let spool, block < spool.blocks {
                changes = try spool.changes(in: block)[...]
                block += 1
                continue
            }
            guard let next = tables.popFirst() else { return nil }
            table = next
            block = 0
            spool = nil
            if next.isRewritten { return (next, nil) }
            try load(next)
        }
    }

    private func load(_ table: ChangedTable) throws(BatchError) {
        guard let layout = table.before else { return }
        let spool = try ChangeSpool(layout, folder: folder)
        try source.forEachChange(of: table) { (change) throws(BatchError) in try spool.append(change) }
        try spool.close()
        self.spool = spool
    }
}
