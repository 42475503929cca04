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

/// Goes back over the entries of one table, for the rows of one window of keys.
struct RowRewind {
    private let layout: TableLayout
    private let reader: TableRows
    private let isUTF16: Bool
    let window: ClosedRange<UInt64>
    private let columns: Int
    /// Rows at the point that has been reached; nil for rows that are not there.
    private var rows: [RowKey: [SQLValue]?] = [:]
    /// Rows at the end of the run, for keys that the run touched.
    private var after: [RowKey: [SQLValue]?] = [:]
    private var isInRun = false
    private let isChecked: Bool
    /// Keys outside the window that rows of the window have had later.
    private let followed: Set<RowKey>
    /// A row of the window went to a key that is not followed: what it was there is not known.
    private(set) var hasLostRow = false

    init(
        _ layout: TableLayout, name: String, on connection: Connection, window: ClosedRange<UInt64>, isChecked: Bool,
        following followed: Set<RowKey> = []
    ) throws(BatchError) {
        self.isChecked = isChecked
        self.followed = followed
        self.layout = layout
        self.window = window
        reader = try TableRows(layout, on: connection)
        isUTF16 = connection.isUTF16
        columns = layout.storedColumns.count
    }

    mutating func beginRun() { isInRun = true }

    /// Undoes one entry in memory.
    mutating func goBack(_ step: UndoStep, _ bytes: UnsafeRawBufferPointer) throws(BatchError) {
        if hasLostRow { return }
        let keys = try StepKeys(step, bytes, layout)
        let isKnown = window.contains(keys.after.order) || rows[keys.after] != nil || followed.contains(keys.after)
        guard isKnown || window.contains(keys.before.order) || followed.contains(keys.before) else { return }
        guard isKnown || !step.keyChanged else {
            hasLostRow = true
            return
        }
        let now = try row(keys.after)
        if isChecked, !step.left(now) {
            throw BatchError(
                .conflict, "a row of table \(layout.name) was changed outside any batch",
                hint: "see who wrote it: \(command: "blame --table \(layout.name) --key KEY")")
        }
        if isInRun { remember(keys.after, now) }
        switch step.operation {
        case .update:
            let before = try step.before(now, bytes, columns)
            if step.keyChanged {
                if isInRun { remember(keys.before, try row(keys.before)) }
                rows[keys.after] = .some(nil)
            }
            rows[keys.before] = .some(before)
        default: rows[keys.after] = .some(try step.before(now, bytes, columns))
        }
    }

    /// What the run did to every row that it touched, in the order of keys.
    func touchedRows() -> [RowChange] {
        // Numbers sort several times faster than rows do.
        let found = after.map { key, now in RowChange(key: key, before: rows[key] ?? nil, after: now) }
        let places = found.indices.map { (order: found[$0].key.order, index: $0) }
        return places.sorted { $0.order < $1.order }.map { found[$0.index] }
    }

    private mutating func remember(_ key: RowKey, _ now: [SQLValue]?) {
        if after[key] == nil { after[key] = .some(now) }
    }

    private mutating func row(_ key: RowKey) throws(BatchError) -> [SQLValue]? {
        if let known = rows[key] { return known }
        guard let read = try reader.row(key) else { return nil }
        // "=" finds keys that differ in case only; those are other keys here.
        if case .primaryKey(let positions) = layout.key {
            let stored = layout.storedColumns
            let found = positions.compactMap { stored.firstIndex(of: $0).map { read[$0] } }
            guard found == key.parameters else { return nil }
        }
        return read
    }
}
