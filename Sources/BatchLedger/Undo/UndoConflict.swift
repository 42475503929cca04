public import BatchCore

/// A row that is not as the batch left it, so that undoing the batch would lose somebody else's change.
public struct UndoConflict: Hashable, Sendable {
    public enum Reason: String, Sendable {
        /// The row has other values now.
        case changed
        /// The row is gone.
        case missing
        /// A row has taken the key, or a unique value, that the undone row needs.
        case taken
        /// Later rows refer to it, or later batches changed it and left the same values.
        case touched
        /// The table reads differently, or is gone.
        case schema
    }

    /// The batch that is being undone.
    public let batch: String
    public let table: String
    public let key: RowKey?
    public let reason: Reason
    /// The row as the batch left it, as far as it is known: a hash in hexadecimal, or words.
    public let expected: String
    public let found: String
    /// Low half of the hash of the row as the batch left it; nil when the record does not have it.
    public var left: UInt64?
    /// True when the batch left a row with this key, so that its values may be found.
    public var leavesRow = false
    /// The row as the batch left it, where the record has its values.
    public var expectedRow: [Change.Field]?
    /// Of the table as the batch left it.
    public var layout: TableLayout?
    /// The row as it is now, where there is one.
    public let row: [Change.Field]?
    /// True when the row was put back nevertheless.
    public let isOverwritten: Bool

    public init(
        batch: String, table: String, key: RowKey?, reason: Reason, expected: String, found: String,
        row: [Change.Field]? = nil, isOverwritten: Bool = false
    ) {
        self.batch = batch
        self.table = table
        self.key = key
        self.reason = reason
        self.expected = expected
        self.found = found
        self.row = row
        self.isOverwritten = isOverwritten
    }
}

/// Rows by table and key.
public struct TouchedKeys: Sendable {
    private var keys: [String: KeyRuns] = [:]

    public init() {}

    mutating func insert(_ runs: KeyRuns, in table: String) {
        keys[table, default: KeyRuns()].formUnion(runs)
    }

    /// False when all of them were there already.
    mutating func insert(_ rows: [(table: String, key: UInt64)]) -> Bool {
        var isNew = false
        for row in rows where keys[row.table]?.contains(row.key) != true {
            var one = KeyRuns()
            one.insert(row.key)
            insert(one, in: row.table)
            isNew = true
        }
        return isNew
    }

    func contains(_ key: UInt64, in table: String) -> Bool { keys[table]?.contains(key) == true }
}

extension Ledger {
    /// Rows that a batch wrote behind a checkpoint and that later live batches changed, or refer to.
    public func laterTouches(of checkpoints: [CheckpointRecord]) throws(BatchError) -> TouchedKeys {
        var touched = TouchedKeys()
        guard let first = checkpoints.map(\.id).min(), let batch = checkpoints.first?.batch else { return touched }
        let names = try relations()
        var own: [Int64: (all: KeyRuns, added: KeyRuns, removed: KeyRuns)] = [:]
        for checkpoint in checkpoints {
            for fact in try facts(of: checkpoint.id) where names[fact.relation]?.kind == .rows {
                var keys = own[fact.relation] ?? (KeyRuns(), KeyRuns(), KeyRuns())
                keys.all.formUnion(fact.keys)
                if fact.side == .added { keys.added.formUnion(fact.keys) }
                if fact.side == .removed { keys.removed.formUnion(fact.keys) }
                own[fact.relation] = keys
            }
        }
        for (relation, keys) in own {
            guard let table = names[relation]?.table else { continue }
            // A row that was there before will be there again, whoever refers to it.
            let new = keys.added.subtracting(keys.removed)
            for fact in try laterFacts(on: relation, after: first) where fact.batch != batch {
                switch fact.side {
                case .released: break
                case .referenced: touched.insert(new.intersection(fact.keys), in: table)
                default: touched.insert(keys.all.intersection(fact.keys), in: table)
                }
            }
        }
        return touched
    }
}
