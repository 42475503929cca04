internal import BatchCore

/// Tells whether a row that refers to nothing after an undo did so already in the state that the undo goes back to.
///
/// Foreign keys are off in a batch unless its script turns them on, so an earlier batch may have left such rows and a
/// later one cleared them: undoing the later one brings them back, and that is exact.
final class LaterReferences {
    private let ledger: Ledger
    private let undone: Set<Int64>
    private let first: Int64
    /// False when rows of what is undone stay as they are: then it counts as later too.
    private let isWhole: Bool
    private let relations: [Relation: Int64]
    /// Somebody has written outside any batch since, so the facts do not tell everything.
    private let isUnsure: Bool
    private var known: [Relation: [Fact]] = [:]

    /// - Parameters:
    ///   - checkpoints: ids of what is undone.
    ///   - isWhole: false when rows of these checkpoints stay as they are.
    init(_ ledger: Ledger, undoing checkpoints: [Int64], isWhole: Bool) throws(BatchError) {
        self.ledger = ledger
        self.isWhole = isWhole
        undone = Set(checkpoints)
        first = checkpoints.min() ?? 0
        relations = Dictionary(try ledger.relations().map { ($0.value, $0.key) }) { first, _ in first }
        isUnsure = try ledger.lastTaken() >= first
    }

    /// - Parameters:
    ///   - cameBack: the undo brought the reference back.
    ///   - lost: the undo took away what is referred to.
    func broke(_ orphan: OrphanRows.Orphan, cameBack: Bool, lost: Bool) throws(BatchError) -> Bool {
        if isUnsure { return true }
        let facts = try facts(on: orphan.relation).filter { $0.keys.contains(orphan.key) }
        return cameBack && reliedOn(.released, .removed, facts) || lost && reliedOn(.added, .referenced, facts)
    }

    /// True when a batch that stays did `later` behind an undone `earlier`, without which it could not have.
    private func reliedOn(_ earlier: FactSide, _ later: FactSide, _ facts: [Fact]) -> Bool {
        let start = facts.first { undone.contains($0.checkpoint) && $0.side == earlier }?.checkpoint ?? first
        return facts.contains { fact in
            fact.side == later && fact.checkpoint >= start && !(isWhole && undone.contains(fact.checkpoint))
        }
    }

    /// Of live batches, in commit order.
    private func facts(on relation: Relation) throws(BatchError) -> [Fact] {
        if let facts = known[relation] { return facts }
        let sides: Set<FactSide> = [.added, .removed, .referenced, .released]
        let facts = try relations[relation].map { (id) throws(BatchError) in
            try ledger.laterFacts(on: id, after: first - 1).filter { sides.contains($0.side) }
        }
        known[relation] = facts ?? []
        return facts ?? []
    }
}

extension Ledger {
    private static let takenKey = "taken_at"

    /// Notes that the database was taken as it is, behind the last checkpoint.
    func noteTaken() throws(BatchError) {
        let last = try connection.value("SELECT max(id) FROM batchmgr_checkpoints")?.integer ?? 0
        try setMeta(Ledger.takenKey, "\(last)")
    }

    /// The last checkpoint behind which the database was taken as it is.
    func lastTaken() throws(BatchError) -> Int64 { try meta(Ledger.takenKey).flatMap { Int64($0) } ?? .max }
}
