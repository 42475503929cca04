internal import BatchCore

/// Goes forward through the facts of all relations that an undo would touch, in commit order, and gathers the batches
/// whose facts collide. What is found is undone too, so the set of watched relations grows on the way.
struct DependencySearch {
    let ledger: Ledger
    let root: Int64
    let relations: [Int64: Relation]
    private let relationIDs: [Relation: Int64]
    private var found: [Int64: DependencyEdge] = [:]
    private var depths: [Int64: Int] = [:]
    private var streams: [Int64: FactStream] = [:]
    private var rollbacks: RollbackFacts
    /// Checkpoints that a rollback had undone, and that live again when it is undone as one of the batches found so far.
    private(set) var revived: Set<Int64> = []
    /// What undoing the batches found so far takes away.
    private(set) var undone: [UndoneKeys] = []

    init(_ ledger: Ledger, root: Int64) throws(BatchError) {
        self.ledger = ledger
        self.root = root
        rollbacks = RollbackFacts(ledger)
        relations = try ledger.relations()
        relationIDs = Dictionary(relations.map { ($0.value, $0.key) }) { first, _ in first }
    }

    var dependents: [DependencyEdge] { found.values.sorted { $0.batch < $1.batch } }

    /// Nil when nothing is known about it.
    func relation(_ relation: Relation) -> Int64? { relationIDs[relation] }

    func isDependent(_ batch: Int64) -> Bool { batch == root || found[batch] != nil }

    func isLive(_ checkpoint: CheckpointRecord) -> Bool { checkpoint.isLive || revived.contains(checkpoint.id) }

    func depth(of batch: Int64) -> Int { depths[batch] ?? 0 }

    mutating func begin(_ checkpoints: [Int64]) throws(BatchError) {
        try add(root, checkpoints: checkpoints, depth: 0)
    }

    /// Takes a batch for a dependent that the search has not found itself.
    mutating func add(_ edge: DependencyEdge) throws(BatchError) {
        try note(edge.batch, on: edge.on, edge.kind, edge.evidence)
    }

    /// Goes on until nothing more is found.
    mutating func run() throws(BatchError) {
        while let relation = nextRelation(), let stream = streams[relation], let fact = stream.head {
            try stream.advance()
            guard !isDependent(fact.batch) else { continue }
            for watch in stream.watches where fact.matters(from: watch.from) {
                guard let part = try rollbacks.part(of: fact, from: watch.from),
                    let (kind, evidence) = watch.collision(with: part, on: relations[relation])
                else { continue }
                try note(fact.batch, on: watch.batch, kind, evidence)
                break
            }
        }
    }

    /// The relation whose next fact is the earliest of all.
    private func nextRelation() -> Int64? {
        streams.compactMap { relation, stream in stream.head.map { (relation, $0.checkpoint) } }
            .min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
    }

    private mutating func note(
        _ batch: Int64, on other: Int64, _ kind: DependencyKind, _ evidence: String
    ) throws(BatchError) {
        guard !isDependent(batch) else { return }
        let depth = self.depth(of: other) + 1
        found[batch] = DependencyEdge(batch: batch, on: other, depth: depth, kind: kind, evidence: evidence)
        let live = try ledger.checkpoints(of: batch).filter(isLive)
        try add(batch, checkpoints: live.map(\.id), depth: depth)
        for checkpoint in live { try revive(whatWasUndoneBy: checkpoint.id) }
    }

    private mutating func revive(whatWasUndoneBy rollback: Int64) throws(BatchError) {
        let sql = """
            SELECT c.id, c.batch FROM main.batchmgr_undone u JOIN main.batchmgr_checkpoints c ON c.id = u.checkpoint \
            WHERE u.rollback = ?1 AND c.undone_by = ?1
            """
        let rows = try ledger.connection.rows(sql, [.integer(rollback)])
        let found = Set(rows.compactMap { $0[0].integer })
        if found.isEmpty { return }
        revived.formUnion(found)
        for stream in streams.values { try stream.revive(found) }
        // The rest of a batch that is undone already.
        for row in rows {
            guard let checkpoint = row[0].integer, let batch = row[1].integer, isDependent(batch) else { continue }
            try add(batch, checkpoints: [checkpoint], depth: depth(of: batch))
        }
    }

    // MARK: What is taken away

    private mutating func add(_ batch: Int64, checkpoints: [Int64], depth: Int) throws(BatchError) {
        depths[batch] = depth
        var sides: [Int64: [FactSide: KeyRuns]] = [:]
        for checkpoint in checkpoints {
            for fact in try ledger.facts(of: checkpoint) {
                sides[fact.relation, default: [:]][fact.side, default: KeyRuns()].formUnion(fact.keys)
            }
        }
        let from = checkpoints.min() ?? 0
        for (id, keys) in sides.sorted(by: { $0.key < $1.key }) {
            guard let relation = relations[id] else { continue }
            let keys = UndoneKeys(batch: batch, from: from, relation: relation, sides: keys)
            undone.append(keys)
            try watch(for: keys, id)
        }
        try addDeclared(on: batch)
        if batch != root { try addWriters(toVirtualTablesOf: sides, checkpoints, from, on: batch) }
    }

    /// The index of a virtual table that was dropped or renamed since comes back as it was, row by row of its shadow
    /// tables, so what was written to it in between is undone on the way.
    private mutating func addWriters(
        toVirtualTablesOf sides: [Int64: [FactSide: KeyRuns]], _ checkpoints: [Int64], _ end: Int64, on batch: Int64
    ) throws(BatchError) {
        var owners: Set<String> = []
        for checkpoint in checkpoints {
            for table in try ledger.changedTables(of: checkpoint).values {
                if case .shadow(let owner) = table.layout.role { owners.insert(owner) }
            }
        }
        for owner in owners.sorted() {
            guard let definition = relationIDs[.definition(owner)], sides[definition]?[.changed] != nil,
                let rows = relationIDs[.rows(owner)],
                let first = undone.filter({ $0.relation == .rows(owner) && $0.batch != batch }).map(\.from).min()
            else { continue }
            for fact in try ledger.laterFacts(on: rows, after: first)
            where fact.checkpoint < end && [.added, .changed, .removed].contains(fact.side) {
                try note(fact.batch, on: batch, .row, "index of \(owner), which was dropped or renamed since")
            }
        }
    }

    private mutating func watch(for keys: UndoneKeys, _ id: Int64) throws(BatchError) {
        if keys.relation.kind == .columns { return }
        try watch(id, FactMatch(keys, rule: .sameKeys))
        // Rows depend on the definition of their table, and a definition on the rows that were there.
        if keys.relation.kind == .unique || keys.isUse { return }
        let table = keys.relation.table
        let other: Relation = keys.relation.kind == .rows ? .definition(table) : .rows(table)
        if let id = relationIDs[other] { try watch(id, FactMatch(keys, rule: .definition)) }
    }

    private mutating func watch(_ relation: Int64, _ watch: FactMatch) throws(BatchError) {
        let stream = streams[relation] ?? FactStream(ledger, relation: relation, revived: revived)
        streams[relation] = stream
        try stream.add(watch)
    }

    private mutating func addDeclared(on batch: Int64) throws(BatchError) {
        let sql = """
            SELECT batch, evidence FROM main.batchmgr_dependencies WHERE needs = ? ORDER BY batch
            """
        for row in try ledger.connection.rows(sql, [.integer(batch)]) {
            guard let dependent = row[0].integer, try ledger.checkpoints(of: dependent).contains(where: isLive) else {
                continue
            }
            try note(dependent, on: batch, .declared, row[1].string ?? "needs")
        }
        for queued in try ledger.queued(by: batch)
        where try ledger.checkpoints(of: queued.batch).contains(where: isLive) {
            try note(queued.batch, on: batch, .declared, queued.evidence)
        }
    }

    /// Keys of one relation that undoing a batch takes away.
    struct UndoneKeys {
        let batch: Int64
        /// The first checkpoint that is undone: what was before it does not matter.
        let from: Int64
        let relation: Relation
        let sides: [FactSide: KeyRuns]

        /// The batch only used what the facts are about.
        var isUse: Bool {
            sides.keys.allSatisfy { $0 == .referenced || $0 == .released || $0 == .confirmed || $0 == .read }
        }
    }
}

/// Looks at later facts for what is undone.
struct FactMatch {
    enum Rule {
        /// Facts about the same relation.
        case sameKeys
        /// Facts about the definition of the table, or about its rows when the definition is undone.
        case definition
    }

    let keys: DependencySearch.UndoneKeys
    let rule: Rule
    /// Rows that were added, changed or removed: one key may be on several sides.
    private let touched: KeyRuns

    var batch: Int64 { keys.batch }
    var from: Int64 { keys.from }

    init(_ keys: DependencySearch.UndoneKeys, rule: Rule) {
        self.keys = keys
        self.rule = rule
        var touched = keys.sides[.added] ?? KeyRuns()
        touched.formUnion(keys.sides[.changed] ?? KeyRuns())
        touched.formUnion(keys.sides[.removed] ?? KeyRuns())
        self.touched = touched
    }

    /// Keys outside of it cannot collide; nil when all can.
    var range: ClosedRange<UInt64>? {
        guard rule == .sameKeys else { return nil }
        let runs = keys.sides.values.flatMap(\.runs)
        guard let low = runs.map(\.low).min(), let high = runs.map(\.high).max() else { return nil }
        return low...high
    }

    /// How a later fact collides with what would be undone, and the evidence; nil when it does not.
    func collision(with later: Fact, on relation: Relation?) -> (DependencyKind, String)? {
        guard let relation else { return nil }
        switch rule {
        case .definition:
            if later.side == .referenced || later.side == .released { return nil }
            return (.row, "definition of \(keys.relation.table)")
        case .sameKeys:
            guard let (kind, keys) = match(relation, later) else { return nil }
            if relation.kind == .definition { return (kind, "definition of \(relation.table)") }
            let thing = relation.columns.isEmpty ? relation.table : "\(relation.table)(\(relation.columns))"
            return (kind, "\(kind.rawValue) \(thing) \(keys) \(keys == 1 ? "key" : "keys")")
        }
    }

    private func match(_ relation: Relation, _ later: Fact) -> (DependencyKind, UInt64)? {
        switch (relation.kind, later.side) {
        case (.rows, .added), (.rows, .changed), (.rows, .removed), (.rows, .confirmed), (.definition, .changed),
            (.definition, .confirmed):
            let keys = touched.overlap(with: later.keys)
            if keys > 0 { return (.row, keys) }
            return later.side == .removed ? reference(.released, later) : nil
        case (.definition, .removed):
            let keys = shared(.released, later)
            return keys > 0 ? (.row, keys) : nil
        case (.unique, .added):
            let keys = shared(.removed, later)
            return keys > 0 ? (.unique, keys) : nil
        case (.unique, .removed): return reference(.released, later)
        case (.definition, .referenced):
            let keys = shared(.changed, later)
            return keys > 0 ? (.row, keys) : nil
        case (_, .referenced): return reference(.added, later)
        default: return nil
        }
    }

    private func shared(_ side: FactSide, _ later: Fact) -> UInt64 {
        keys.sides[side].map { $0.overlap(with: later.keys) } ?? 0
    }

    private func reference(_ side: FactSide, _ later: Fact) -> (DependencyKind, UInt64)? {
        let keys = shared(side, later)
        return keys > 0 ? (.foreignKey, keys) : nil
    }
}
