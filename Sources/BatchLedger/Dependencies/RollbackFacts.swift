internal import BatchCore

/// What the facts of a rollback still say, seen from one of the checkpoints that came before it.
///
/// A rollback may have undone batches from before that checkpoint and from after it. What it did to a row only because of
/// the later ones is not there any more, as they are not: an added column that went again rewrote every row.
struct RollbackFacts {
    private struct Place: Hashable {
        let relation: Int64
        let rollback: Int64
    }

    private let ledger: Ledger
    /// Keys of the checkpoints that a rollback undid, the earliest first.
    private var undone: [Place: [(checkpoint: Int64, keys: KeyRuns)]] = [:]

    init(_ ledger: Ledger) { self.ledger = ledger }

    /// The fact with the keys that count for what is undone from `checkpoint` on; nil when there are none.
    mutating func part(of fact: Fact, from checkpoint: Int64) throws(BatchError) -> Fact? {
        guard let first = fact.undoneFrom, first < checkpoint else { return fact }
        var before = KeyRuns()
        var after = KeyRuns()
        for (place, keys) in try undone(by: fact) {
            if place < checkpoint { before.formUnion(keys) } else { after.formUnion(keys) }
        }
        if after.isEmpty { return fact }
        let keys = fact.keys.subtracting(after.subtracting(before))
        return keys.isEmpty ? nil : fact.with(keys)
    }

    private mutating func undone(by fact: Fact) throws(BatchError) -> [(checkpoint: Int64, keys: KeyRuns)] {
        let place = Place(relation: fact.relation, rollback: fact.checkpoint)
        if let known = undone[place] { return known }
        let rows = try ledger.connection.rows(
            """
            SELECT g.checkpoint, g.keys FROM main.batchmgr_undone u JOIN main.batchmgr_facts g \
            ON g.relation = ?1 AND g.checkpoint = u.checkpoint WHERE u.rollback = ?2 ORDER BY g.checkpoint
            """, [.integer(fact.relation), .integer(fact.checkpoint)])
        var found: [(checkpoint: Int64, keys: KeyRuns)] = []
        for row in rows {
            guard let checkpoint = row[0].integer, let keys = row[1].bytes else {
                throw Ledger.damaged("batchmgr_facts")
            }
            found.append((checkpoint, try KeyRuns(encoded: keys)))
        }
        undone[place] = found
        return found
    }
}
