public import BatchCore

/// How one row came to be what it is, from the undo log: its changes, the last first.
public struct RowHistory {
    /// One change of the row.
    public struct Version: Hashable, Sendable {
        /// Of the batch that made it; nil when no batch did.
        public let checkpoint: Int64?
        /// The last checkpoint before a change that no batch made.
        public let behind: Int64
        /// Values of the stored columns; nil where there was no row.
        public var before: [SQLValue]?
        public let after: [SQLValue]?

        public init(checkpoint: Int64?, behind: Int64, before: [SQLValue]?, after: [SQLValue]?) {
            self.checkpoint = checkpoint
            self.behind = behind
            self.before = before
            self.after = after
        }
    }

    public private(set) var versions: [Version] = []
    /// The row before the first of the versions.
    public private(set) var origin: [SQLValue]?
    /// The key that it had there.
    public private(set) var key: RowKey
    /// False when an older part of the history cannot be read: the table was altered, or nothing tells what a row was
    /// that somebody changed outside any batch.
    public private(set) var isWhole = true

    private let ledger: Ledger
    private let layout: TableLayout
    private let left: (_ checkpoint: Int64, _ key: RowKey) throws(BatchError) -> [SQLValue]?

    /// - Parameters:
    ///   - row: as it is now; nil when there is none.
    ///   - left: the row as the batch of a checkpoint left it, from another record than the log; asked for when the row
    ///     was changed since by something that the log does not know.
    public init(
        _ ledger: Ledger, of key: RowKey, in layout: TableLayout, row: [SQLValue]?,
        left: @escaping (_ checkpoint: Int64, _ key: RowKey) throws(BatchError) -> [SQLValue]?
    ) throws(BatchError) {
        self.ledger = ledger
        self.layout = layout
        self.left = left
        self.key = key
        origin = row
        var bound = Int64.max
        while isWhole, let checkpoint = try ledger.lastCheckpoint(writing: self.key, of: layout.name, before: bound) {
            bound = checkpoint
            do throws(BatchError) {
                try goBack(through: checkpoint)
            } catch {
                guard error.code == .schemaChanged else { throw error }
                isWhole = false
            }
        }
    }

    private mutating func goBack(through checkpoint: Int64) throws(BatchError) {
        var now = (key: key, row: origin, versions: versions, isWhole: true)
        try ledger.forEachStep(of: checkpoint, in: layout) { (step, bytes, _) throws(BatchError) in
            guard now.isWhole else { return }
            let keys = try StepKeys(step, bytes, layout)
            guard keys.after == now.key else { return }
            if !step.left(now.row) {
                let known = try left(checkpoint, now.key)
                guard step.left(known) else {
                    now.isWhole = false
                    return
                }
                now.versions.append(Version(checkpoint: nil, behind: checkpoint, before: known, after: now.row))
                now.row = known
            }
            let before = try step.before(now.row, bytes, layout.storedColumns.count)
            now.versions.append(Version(checkpoint: checkpoint, behind: checkpoint, before: before, after: now.row))
            now.row = before
            now.key = keys.before
        }
        (key, origin, versions, isWhole) = now
    }
}

extension Ledger {
    /// The last checkpoint before another one that added, changed or removed a row; nil when none did.
    func lastCheckpoint(writing key: RowKey, of table: String, before bound: Int64) throws(BatchError) -> Int64? {
        let sql = """
            SELECT f.checkpoint, f.keys FROM batchmgr_facts f JOIN batchmgr_relations r ON r.id = f.relation \
            WHERE r.kind = 'rows' AND r.table_name = ? AND f.checkpoint < ? AND f.side IN (0, 1, 2) \
            AND f.low <= ?3 AND f.high >= ?3 ORDER BY f.checkpoint DESC
            """
        let statement = try connection.cached(sql)
        defer { statement.reset() }
        try statement.bind([.string(table), .integer(bound), .ordered(key.order)])
        while try statement.step() {
            guard let checkpoint = statement.value(0).integer, let keys = statement.value(1).bytes else {
                throw Ledger.damaged("batchmgr_facts")
            }
            if try KeyRuns(encoded: keys).contains(key.order) { return checkpoint }
        }
        return nil
    }
}
