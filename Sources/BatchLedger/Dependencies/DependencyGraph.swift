public import BatchCore

/// Finds what depends on a batch, from the facts that every checkpoint left in the ledger.
public struct DependencyGraph {
    private let ledger: Ledger

    public init(_ ledger: Ledger) { self.ledger = ledger }

    public struct Found: Sendable {
        /// Live dependents, direct and indirect, in commit order; each with the first reason that was found.
        public var dependents: [DependencyEdge]
        /// Batches that read what the batch or a dependent wrote, and are no dependents otherwise.
        public var readers: [DependencyEdge]
        /// Checkpoints of dependents that are not live now: rollbacks had undone them, which are dependents themselves.
        public var revived: Set<Int64> = []
    }

    /// Dependents that an undo would break, in commit order; readers are left out.
    /// - Parameter checkpoint: only what depends on checkpoints of the batch after this number counts; 0 for all.
    public func dependents(of batch: BatchRecord, after checkpoint: Int = 0) throws(BatchError) -> Found {
        var search = try search(batch, checkpoint)
        try search.run()
        return Found(dependents: search.dependents, readers: [], revived: search.revived)
    }

    /// Dependents and readers.
    /// - Parameter keepsOrder: dependents will run again, so what wrote after one of them what it read is one too.
    /// - Parameter obeys: asked about each reader, the earliest first, with the dependents known so far; when it says
    ///   yes, the reader is a dependent too, and so is what depends on it.
    public func find(
        of batch: BatchRecord, after checkpoint: Int = 0, keepsOrder: Bool = false,
        obeys: (_ reader: DependencyEdge, _ dependents: [DependencyEdge]) throws(BatchError) -> Bool = { _, _ in false }
    ) throws(BatchError) -> Found {
        var search = try search(batch, checkpoint)
        try search.run()
        var spared: Set<Int64> = []
        // Worked out again only when the search has grown: there may be thousands of readers.
        var known: [DependencyEdge]?
        while true {
            if known == nil, keepsOrder, let next = try OvertakenSearch(ledger).overtaken(by: search).first {
                try search.add(next)
                try search.run()
                continue
            }
            let readers: [DependencyEdge]
            if let known { readers = known } else { readers = try ReaderSearch(ledger).readers(of: search) }
            known = readers
            guard let next = readers.first(where: { !spared.contains($0.batch) }) else {
                return Found(dependents: search.dependents, readers: readers, revived: search.revived)
            }
            if try obeys(next, search.dependents) {
                try search.add(next)
                try search.run()
                known = nil
            } else {
                spared.insert(next.batch)
            }
        }
    }

    private func search(_ batch: BatchRecord, _ checkpoint: Int) throws(BatchError) -> DependencySearch {
        let own = try ledger.checkpoints(of: batch.seq).filter { $0.number > checkpoint && $0.isLive }
        if let first = own.map(\.id).min() { try ledger.verifyFacts(from: first) }
        var search = try DependencySearch(ledger, root: batch.seq)
        try search.begin(own.map(\.id))
        return search
    }
}

/// A later batch that would not be the same without an earlier one.
public struct DependencyEdge: Hashable, Sendable {
    /// `BatchRecord.seq`.
    public let batch: Int64
    /// The batch that it depends on.
    public let on: Int64
    /// 1 for a direct dependent.
    public let depth: Int
    public let kind: DependencyKind
    /// What proves it, e.g. `row invoices 12 keys`.
    public let evidence: String

    public init(batch: Int64, on: Int64, depth: Int, kind: DependencyKind, evidence: String) {
        self.batch = batch
        self.on = on
        self.depth = depth
        self.kind = kind
        self.evidence = evidence
    }
}

extension Ledger {
    /// The last live batch after a checkpoint that wrote a row; nil when no batch did, so that it was drift.
    public func lastWriter(of key: RowKey, in table: String, after checkpoint: Int64) throws(BatchError) -> BatchRecord?
    {
        try lastWriter(to: Relation.rows(table), after: checkpoint) { $0.keys.contains(key.order) }
    }

    /// The last live batch after a checkpoint that changed a table itself, or dropped it; nil when no batch did.
    public func lastDefiner(of table: String, after checkpoint: Int64) throws(BatchError) -> BatchRecord? {
        try lastWriter(to: Relation.definition(table), after: checkpoint) { _ in true }
    }

    private func lastWriter(
        to target: Relation, after checkpoint: Int64, where isMeant: (Fact) -> Bool
    ) throws(BatchError) -> BatchRecord? {
        guard let relation = try relations().first(where: { $0.value == target })?.key else { return nil }
        let writes: Set<FactSide> = [.added, .changed, .removed]
        let fact = try laterFacts(on: relation, after: checkpoint).last { writes.contains($0.side) && isMeant($0) }
        return try fact.flatMap { (fact) throws(BatchError) in try batch(seq: fact.batch) }
    }
}
