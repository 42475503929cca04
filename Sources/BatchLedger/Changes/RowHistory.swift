public import BatchCore

/// How one row came to be what it is, from the undo log: its changes, the last first.
public struct RowHistory {
    /// One change of the row.
    public struct Version: Hashable, Sendable {
        /// Of the batch that made it; nil when no batch did.
        public let checkpoint: Int64?
        /// The last checkpoint before a change that no batch made.
        public let behind: Int64
        /// Values of the columns that the table stores now; nil where there was no row.
        public var before: [SQLValue]?
        public let after: [SQLValue]?
        /// Places of columns that it added to the table: there was no value before.
        public let added: Set<Int>

        public init(
            checkpoint: Int64?, behind: Int64, before: [SQLValue]?, after: [SQLValue]?, added: Set<Int> = []
        ) {
            self.checkpoint = checkpoint
            self.behind = behind
            self.before = before
            self.after = after
            self.added = added
        }
    }

    public private(set) var versions: [Version] = []
    /// The row before the first of the versions, as the table was then.
    public private(set) var origin: [SQLValue]?
    /// False when the table was altered in between: `origin` has another form than its rows have now.
    public private(set) var hasOneForm = true
    /// The key that it had there.
    public private(set) var key: RowKey
    /// False when an older part of the history cannot be read: the table was renamed, or nothing tells what a row was
    /// that somebody changed outside any batch.
    public private(set) var isWhole = true

    private let ledger: Ledger
    private let layout: TableLayout
    /// As the table was at the point that has been reached.
    private var then: TableLayout
    private var places: ColumnPlaces
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
        then = layout
        places = ColumnPlaces(layout)
        self.left = left
        self.key = key
        origin = row
        var bound = Int64.max
        while isWhole, let checkpoint = try ledger.lastCheckpoint(writing: self.key, of: layout.name, before: bound) {
            bound = checkpoint
            do throws(BatchError) {
                try goBack(through: checkpoint)
            } catch {
                guard error.code == .notUndoable else { throw error }
                isWhole = false
            }
        }
    }

    private mutating func goBack(through checkpoint: Int64) throws(BatchError) {
        var copy = self
        let walk = LogWalk(ledger: ledger, layout: layout)
        // The row that a change of the schema left, until the entry is found that recorded it before.
        var remade: [SQLValue]??
        try walk.forEachBlock(of: checkpoint) { (_, steps, bytes, layouts) throws(BatchError) in
            for step in steps.reversed() where copy.isWhole {
                if let change = try LogWalk.change(step, bytes), change.digests[layout.name] != nil {
                    remade = .some(copy.origin)
                    copy.origin = nil
                    copy.isWhole = change.formerName(of: layout.name) == nil
                }
                guard copy.isWhole, let form = layouts[step.table] else { continue }
                let keys = try StepKeys(step, bytes, form)
                guard keys.after == copy.key else { continue }
                if let after = remade {
                    try copy.cross(checkpoint, form, step, bytes, after)
                    remade = nil
                } else {
                    try copy.undo(step, of: checkpoint, bytes, keys)
                }
            }
        }
        if copy.isWhole, let after = remade, after != nil {
            copy.versions.append(
                Version(checkpoint: checkpoint, behind: checkpoint, before: nil, after: places.today(after)))
        }
        self = copy
    }

    /// Goes back over a change of the schema: the entry holds the row in the form that the table had before.
    private mutating func cross(
        _ checkpoint: Int64, _ form: TableLayout, _ step: UndoStep, _ bytes: UnsafeRawBufferPointer,
        _ after: [SQLValue]?
    ) throws(BatchError) {
        let before = try step.before(nil, bytes, form.storedColumns.count)
        let known = places
        places.goBack(from: then, to: form)
        then = form
        hasOneForm = false
        versions.append(
            Version(
                checkpoint: checkpoint, behind: checkpoint, before: places.today(before), after: known.today(after),
                added: places.missing.subtracting(known.missing)))
        origin = before
    }

    private mutating func undo(
        _ step: UndoStep, of checkpoint: Int64, _ bytes: UnsafeRawBufferPointer, _ keys: StepKeys
    ) throws(BatchError) {
        if !step.left(origin) {
            let known = try left(checkpoint, key)
            guard step.left(known) else {
                isWhole = false
                return
            }
            versions.append(
                Version(checkpoint: nil, behind: checkpoint, before: places.today(known), after: places.today(origin)))
            origin = known
        }
        let before = try step.before(origin, bytes, then.storedColumns.count)
        versions.append(
            Version(
                checkpoint: checkpoint, behind: checkpoint, before: places.today(before), after: places.today(origin)))
        origin = before
        key = keys.before
    }
}

extension Ledger {
    /// The last checkpoint before another one that added, changed or removed a row; nil when none did.
    func lastCheckpoint(writing key: RowKey, of table: String, before bound: Int64) throws(BatchError) -> Int64? {
        let sql = """
            SELECT f.checkpoint, f.keys FROM main.batchmgr_facts f JOIN main.batchmgr_relations r ON r.id = f.relation \
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

/// Where the columns of a table as it is now are in rows of an older form of it.
struct ColumnPlaces {
    /// By place among the stored columns of today; nil for a column that was not there.
    private var places: [Int?]

    init(_ layout: TableLayout) { places = Array(layout.storedColumns.indices) }

    /// Goes back over one statement that altered the table.
    mutating func goBack(from newer: TableLayout, to older: TableLayout) {
        let now = ColumnPlaces.names(newer)
        let then = ColumnPlaces.names(older)
        let differing = now.indices.filter { $0 >= then.count || now[$0] != then[$0] }
        // One column has another name now.
        if now.count == then.count, differing.count == 1, !then.contains(now[differing[0]]) { return }
        places = places.map { place in place.flatMap { then.firstIndex(of: now[$0]) } }
    }

    private static func names(_ layout: TableLayout) -> [String] {
        layout.storedColumns.map { layout.columns[$0].name.lowercased() }
    }

    /// The row in the form of today; NULL where it had no such column.
    func today(_ row: [SQLValue]?) -> [SQLValue]? {
        row.map { row in places.map { place in place.map { row[$0] } ?? .null } }
    }

    /// Places of today that these rows have no column for.
    var missing: Set<Int> { Set(places.indices.filter { places[$0] == nil }) }
}
