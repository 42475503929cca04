internal import BatchCore

/// Tells whether a row that refers to nothing after an undo did so already in the state that the undo goes back to.
///
/// Foreign keys are off in a batch unless its script turns them on, so an earlier batch may have left such rows and a
/// later one cleared them: undoing the later one brings them back, and that is exact.
final class LaterReferences {
    private let ledger: Ledger
    private let first: Int64
    private let undone: Set<Int64>
    private let relations: [Relation: Int64]
    /// Somebody has written outside any batch since, so the facts do not tell everything.
    private let isUnsure: Bool
    private var known: [Relation: (removed: KeyRuns, referenced: KeyRuns)] = [:]

    /// - Parameters:
    ///   - checkpoints: ids of what is undone.
    ///   - isWhole: false when rows of these checkpoints stay as they are: then those count as later ones.
    init(_ ledger: Ledger, undoing checkpoints: [Int64], isWhole: Bool) throws(BatchError) {
        self.ledger = ledger
        first = checkpoints.min() ?? 0
        undone = isWhole ? Set(checkpoints) : []
        relations = Dictionary(try ledger.relations().map { ($0.value, $0.key) }) { first, _ in first }
        isUnsure = try ledger.lastTaken() >= first
    }

    /// - Parameters:
    ///   - cameBack: the undo brought the reference back.
    ///   - lost: the undo took away what is referred to.
    func broke(_ orphan: OrphanRows.Orphan, cameBack: Bool, lost: Bool) throws(BatchError) -> Bool {
        if isUnsure { return true }
        let since = try facts(on: orphan.relation)
        return cameBack && since.removed.contains(orphan.key) || lost && since.referenced.contains(orphan.key)
    }

    /// What live batches did since that are not undone.
    private func facts(on relation: Relation) throws(BatchError) -> (removed: KeyRuns, referenced: KeyRuns) {
        if let facts = known[relation] { return facts }
        var facts = (removed: KeyRuns(), referenced: KeyRuns())
        if let id = relations[relation] {
            for fact in try ledger.laterFacts(on: id, after: first - 1) where !undone.contains(fact.checkpoint) {
                if fact.side == .removed { facts.removed.formUnion(fact.keys) }
                if fact.side == .referenced { facts.referenced.formUnion(fact.keys) }
            }
        }
        known[relation] = facts
        return facts
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
