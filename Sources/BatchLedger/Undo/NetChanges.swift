public import BatchCore

/// What a run of checkpoints did in the end, from another record than the undo log: each changed row once.
public protocol NetChanges {
    var before: (objects: [SchemaObject], digest: StateDigest) { get }
    var after: (objects: [SchemaObject], digest: StateDigest) { get }

    /// True when all that differs is here; otherwise what nothing is said of stays as it is.
    var coversDatabase: Bool { get }

    /// The table as it was before, or with `isAfter` as the run left it; nil when there is none.
    func layout(of table: String, isAfter: Bool) throws(BatchError) -> TableLayout?

    /// False when no row of the table was changed. Rows of equal content may be under other rowids, which a digest does
    /// not show.
    func touches(_ table: String) throws(BatchError) -> Bool

    /// Calls `body` once for every changed row of a table that is there, in the same form, before and after.
    /// It is called more than once for a table.
    func forEachChange(of table: String, _ body: (NetChange) throws(BatchError) -> Void) throws(BatchError)

    /// Calls `body` for every row that the table had before, or with `isAfter` as the run left it.
    func forEachRow(
        of table: String, isAfter: Bool, _ body: (RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError)
}

extension NetChanges {
    public var coversDatabase: Bool { true }
}

/// Rows of some tables that are to be brought to a wanted state. Nothing else changes.
public struct RowChanges: NetChanges {
    private let layouts: [String: TableLayout]
    private let changes: [String: [RowChange]]
    public let before: (objects: [SchemaObject], digest: StateDigest)
    public let after: (objects: [SchemaObject], digest: StateDigest)

    /// - Parameter tables: as they are; of each change `before` is what is wanted, and `after` what is there.
    public init(_ tables: [(layout: TableLayout, changes: [RowChange])]) {
        var wanted: [String: TableDigest] = [:]
        for table in tables {
            var sum = TableDigest()
            for change in table.changes {
                if let row = change.before { sum += TableDigest(digest: RowCodec.hash(row), rows: 1) }
                if let row = change.after { sum -= TableDigest(digest: RowCodec.hash(row), rows: 1) }
            }
            wanted[table.layout.name] = sum
        }
        layouts = Dictionary(tables.map { ($0.layout.name, $0.layout) }) { first, _ in first }
        changes = Dictionary(tables.map { ($0.layout.name, $0.changes) }) { first, _ in first }
        before = ([], StateDigest(tables: wanted))
        after = ([], StateDigest(tables: wanted.mapValues { _ in TableDigest() }))
    }

    public var coversDatabase: Bool { false }

    public func layout(of table: String, isAfter: Bool) -> TableLayout? { layouts[table] }

    public func touches(_ table: String) -> Bool { changes[table]?.isEmpty == false }

    public func forEachChange(of table: String, _ body: (NetChange) throws(BatchError) -> Void) throws(BatchError) {
        for change in changes[table] ?? [] {
            if let change = NetChange(change) { try body(change) }
        }
    }

    public func forEachRow(
        of table: String, isAfter: Bool, _ body: (RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        for change in changes[table] ?? [] {
            if let row = isAfter ? change.after : change.before { try body(change.key, row) }
        }
    }
}

/// What became of one row.
public struct NetChange {
    public enum Kind {
        case insert
        /// With the stored columns as they were.
        case delete([SQLValue])
        /// Positions among the stored columns, ascending, and what they were.
        case update([Int], before: [SQLValue])
    }

    public let key: RowKey
    public let kind: Kind
    /// Low half of the hash of the row as it was left; not for a deleted row.
    public let left: UInt64

    public init(key: RowKey, kind: Kind, left: UInt64) {
        self.key = key
        self.kind = kind
        self.left = left
    }

    /// What stands for `left` where a record knows that the row of now is another than the batch left, and not which.
    /// - Parameter found: low half of the hash of the row as it is now, 0 for none.
    public static func notAsLeft(_ found: UInt64) -> UInt64 { ~found }

    /// Nil when the row is as it was.
    /// - Parameter isWhole: an updated row names all columns, not just those that differ.
    public init?(_ change: RowChange, isWhole: Bool = false) {
        key = change.key
        left = change.after.map { RowCodec.hash($0).low } ?? 0
        switch (change.before, change.after) {
        case (nil, nil): return nil
        case (nil, _?): kind = .insert
        case (let before?, nil): kind = .delete(before)
        case (let before?, let after?):
            if before == after { return nil }
            let columns = before.indices.filter { isWhole || before[$0] != after[$0] }
            kind = .update(columns, before: columns.map { before[$0] })
        }
    }
}

/// The record that checkpoints are undone from.
public enum UndoRecord {
    case log
    /// What restore points hold, the last first.
    case points([UndoPart])
}

/// What one restore point serves for.
public enum UndoPart {
    /// All checkpoints that it covers.
    case whole(NetRun)
    /// Some of them.
    case some(CopiedRun)
}

/// A run of checkpoints of one batch, and what it did.
public struct NetRun {
    public let batch: String
    public let lastCheckpoint: Int64
    public let changes: any NetChanges

    public init(batch: String, lastCheckpoint: Int64, changes: any NetChanges) {
        self.batch = batch
        self.lastCheckpoint = lastCheckpoint
        self.changes = changes
    }
}

/// Single checkpoints of one batch, the last first, and copies of their undo log.
public struct CopiedRun {
    public let batch: String
    public let checkpoints: [CheckpointRecord]
    public let blocks: any UndoBlockCopies

    public init(batch: String, checkpoints: [CheckpointRecord], blocks: any UndoBlockCopies) {
        self.batch = batch
        self.checkpoints = checkpoints
        self.blocks = blocks
    }
}
