public import BatchCore

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
        var own: [Int64: KeyRuns] = [:]
        for checkpoint in checkpoints {
            for fact in try facts(of: checkpoint.id) where names[fact.relation]?.kind == .rows {
                own[fact.relation, default: KeyRuns()].formUnion(fact.keys)
            }
        }
        for (relation, keys) in own {
            guard let table = names[relation]?.table else { continue }
            for fact in try laterFacts(on: relation, after: first) where fact.batch != batch {
                touched.insert(keys.intersection(fact.keys), in: table)
            }
        }
        return touched
    }
}
