public import BatchCore

/// Finds what depends on a batch, from the facts that every checkpoint left in the ledger.
public struct DependencyGraph {
    private let ledger: Ledger

    public init(_ ledger: Ledger) { self.ledger = ledger }

    /// All live dependents, direct and indirect, in commit order; each with the first reason that was found.
    /// - Parameter checkpoint: only what depends on checkpoints of the batch behind this number counts; 0 for all.
    public func dependents(of batch: BatchRecord, after checkpoint: Int = 0) throws(BatchError) -> [DependencyEdge] {
        var search = try Search(ledger, root: batch.seq)
        let own = try ledger.checkpoints(of: batch.seq).filter { $0.number > checkpoint && $0.isLive }
        try search.add(batch.seq, checkpoints: own.map(\.id), depth: 0)
        try search.run()
        return search.found.values.sorted { $0.batch < $1.batch }
    }

    private struct Search {
        let ledger: Ledger
        let root: Int64
        let relations: [Int64: Relation]
        let relationIDs: [Relation: Int64]
        var found: [Int64: DependencyEdge] = [:]
        /// What undoing the batches of the search so far takes away, per batch: evidence names the batch.
        private var taints: [Taint] = []
        private var depths: [Int64: Int] = [:]

        struct Taint {
            let batch: Int64
            let from: Int64
            let relation: Int64
            var sides: [FactSide: KeyRuns]
        }

        init(_ ledger: Ledger, root: Int64) throws(BatchError) {
            self.ledger = ledger
            self.root = root
            relations = try ledger.relations()
            relationIDs = Dictionary(relations.map { ($0.value, $0.key) }) { first, _ in first }
        }

        mutating func add(_ batch: Int64, checkpoints: [Int64], depth: Int) throws(BatchError) {
            depths[batch] = depth
            var sides: [Int64: [FactSide: KeyRuns]] = [:]
            for checkpoint in checkpoints {
                for fact in try ledger.facts(of: checkpoint) {
                    sides[fact.relation, default: [:]][fact.side, default: KeyRuns()].formUnion(fact.keys)
                }
            }
            let from = checkpoints.min() ?? 0
            for (relation, keys) in sides.sorted(by: { $0.key < $1.key }) {
                taints.append(Taint(batch: batch, from: from, relation: relation, sides: keys))
            }
            try addDeclared(on: batch, depth: depth)
        }

        private mutating func addDeclared(on batch: Int64, depth: Int) throws(BatchError) {
            let sql = """
                SELECT d.batch, d.evidence FROM batchmgr_dependencies d WHERE d.needs = ? AND EXISTS \
                (SELECT 1 FROM batchmgr_checkpoints c WHERE c.batch = d.batch AND c.undone_by IS NULL) ORDER BY d.batch
                """
            for row in try ledger.connection.rows(sql, [.integer(batch)]) {
                guard let dependent = row[0].integer else { continue }
                try note(dependent, on: batch, .declared, row[1].string ?? "needs")
            }
        }

        mutating func run() throws(BatchError) {
            // `note` appends what a new dependent taints, so the list grows while it is gone through.
            var next = 0
            while next < taints.count {
                try follow(taints[next])
                next += 1
            }
        }

        private mutating func follow(_ taint: Taint) throws(BatchError) {
            guard let relation = relations[taint.relation] else { return }
            for fact in try ledger.laterFacts(on: taint.relation, after: taint.from) where fact.batch != taint.batch {
                guard let (kind, shared) = Search.match(relation, taint.sides, fact) else { continue }
                try note(fact.batch, on: taint.batch, kind, Search.evidence(kind, relation, shared))
            }
            let isUse = taint.sides.keys.allSatisfy { $0 == .referenced || $0 == .released || $0 == .confirmed }
            // Rows depend on the definition of their table, and a definition on the rows that were there.
            if relation.kind == .unique || isUse { return }
            let other: Relation = relation.kind == .rows ? .definition(relation.table) : .rows(relation.table)
            guard let id = relationIDs[other] else { return }
            for fact in try ledger.laterFacts(on: id, after: taint.from) where fact.batch != taint.batch {
                if fact.side == .referenced || fact.side == .released { continue }
                try note(fact.batch, on: taint.batch, .row, "definition of \(relation.table)")
            }
        }

        private mutating func note(_ batch: Int64, on other: Int64, _ kind: DependencyKind, _ evidence: String)
            throws(BatchError)
        {
            guard batch != root, found[batch] == nil else { return }
            let depth = (depths[other] ?? 0) + 1
            found[batch] = DependencyEdge(batch: batch, on: other, depth: depth, kind: kind, evidence: evidence)
            let live = try ledger.checkpoints(of: batch).filter(\.isLive)
            try add(batch, checkpoints: live.map(\.id), depth: depth)
        }

        /// How a later fact collides with what would be undone, and in how many keys.
        private static func match(
            _ relation: Relation, _ undone: [FactSide: KeyRuns], _ later: Fact
        ) -> (DependencyKind, UInt64)? {
            func shared(_ side: FactSide) -> UInt64 { undone[side].map { $0.overlap(with: later.keys) } ?? 0 }
            switch (relation.kind, later.side) {
            case (.rows, .added), (.rows, .changed), (.rows, .removed), (.rows, .confirmed), (.definition, .changed):
                // One key may be on several sides: it was removed and added again.
                var touched = undone[.added] ?? KeyRuns()
                touched.formUnion(undone[.changed] ?? KeyRuns())
                touched.formUnion(undone[.removed] ?? KeyRuns())
                let keys = touched.overlap(with: later.keys)
                if keys > 0 { return (.row, keys) }
                return later.side == .removed ? reference(shared(.released)) : nil
            case (.unique, .added):
                let keys = shared(.removed)
                return keys > 0 ? (.unique, keys) : nil
            case (.unique, .removed): return reference(shared(.released))
            case (.definition, .referenced):
                let keys = shared(.changed)
                return keys > 0 ? (.row, keys) : nil
            case (_, .referenced): return reference(shared(.added))
            default: return nil
            }
        }

        private static func reference(_ keys: UInt64) -> (DependencyKind, UInt64)? {
            keys > 0 ? (.foreignKey, keys) : nil
        }

        private static func evidence(_ kind: DependencyKind, _ relation: Relation, _ keys: UInt64) -> String {
            let thing = relation.columns.isEmpty ? relation.table : "\(relation.table)(\(relation.columns))"
            if relation.kind == .definition { return "definition of \(relation.table)" }
            return "\(kind.rawValue) \(thing) \(keys) \(keys == 1 ? "key" : "keys")"
        }
    }
}
