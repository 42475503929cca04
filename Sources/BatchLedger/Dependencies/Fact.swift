internal import BatchCore

/// One row of `batchmgr_facts`.
struct Fact {
    let relation: Int64
    let checkpoint: Int64
    let batch: Int64
    let side: FactSide
    let keys: KeyRuns
    /// Of a rollback: the first checkpoint that it undid.
    var undoneFrom: Int64?

    /// A rollback matters to what is undone from `checkpoint` on only when it undid something from before that: what it
    /// undid of later is not live, and so neither is there.
    func matters(from checkpoint: Int64) -> Bool {
        checkpoint < self.checkpoint && (undoneFrom.map { $0 < checkpoint } ?? true)
    }

    func with(_ keys: KeyRuns) -> Fact {
        Fact(
            relation: relation, checkpoint: checkpoint, batch: batch, side: side, keys: keys, undoneFrom: undoneFrom)
    }
}

extension Ledger {
    /// Facts of one checkpoint.
    func facts(of checkpoint: Int64) throws(BatchError) -> [Fact] {
        try facts("f.checkpoint = ?", [.integer(checkpoint)])
    }

    /// Facts about a relation from live checkpoints after `checkpoint`, in commit order. Rollbacks are left out: what
    /// they undid is not live, and so neither is there.
    func laterFacts(on relation: Int64, after checkpoint: Int64) throws(BatchError) -> [Fact] {
        try facts(
            """
            f.relation = ? AND f.checkpoint > ? AND c.undone_by IS NULL \
            AND b.kind <> 'rollback'
            """, [.integer(relation), .integer(checkpoint)])
    }

    private func facts(_ condition: String, _ parameters: [SQLValue]) throws(BatchError) -> [Fact] {
        let sql = """
            SELECT f.relation, f.checkpoint, c.batch, f.side, f.keys FROM main.batchmgr_facts f \
            JOIN main.batchmgr_checkpoints c ON c.id = f.checkpoint JOIN main.batchmgr_batches b ON b.seq = c.batch \
            WHERE \(condition) ORDER BY f.checkpoint, f.side, f.part
            """
        let statement = try connection.cached(sql)
        defer { statement.reset() }
        try statement.bind(parameters)
        var facts: [Fact] = []
        while try statement.step() {
            let row = statement.values
            guard let side = row[3].integer.flatMap(FactSide.init), let keys = row[4].bytes else {
                throw Ledger.damaged("batchmgr_facts")
            }
            facts.append(
                Fact(
                    relation: row[0].integer ?? 0, checkpoint: row[1].integer ?? 0, batch: row[2].integer ?? 0,
                    side: side, keys: try KeyRuns(encoded: keys)))
        }
        return facts
    }

    func relations() throws(BatchError) -> [Int64: Relation] {
        var relations: [Int64: Relation] = [:]
        for row in try connection.rows("SELECT id, kind, table_name, columns FROM main.batchmgr_relations") {
            guard let id = row[0].integer, let kind = row[1].string.flatMap(Relation.Kind.init) else { continue }
            relations[id] = Relation(kind: kind, table: row[2].string ?? "", columns: row[3].string ?? "")
        }
        return relations
    }
}

/// Facts about one relation from live checkpoints, in commit order, as far as some watch may care for them.
///
/// Rows are read one at a time: a table that every batch of a long history wrote to has millions of facts.
final class FactStream {
    private let ledger: Ledger
    private let relation: Int64
    private(set) var watches: [FactMatch] = []
    /// The next fact; nil after the last.
    private(set) var head: Fact?
    private var range: ClosedRange<UInt64>?
    private var position: Int64 = .max
    private var statement: Statement?
    /// Checkpoints whose facts count though they are not live.
    private var revived: Set<Int64>

    init(_ ledger: Ledger, relation: Int64, revived: Set<Int64>) {
        self.ledger = ledger
        self.relation = relation
        self.revived = revived
    }

    /// Goes back to where the watch begins.
    func add(_ watch: FactMatch) throws(BatchError) {
        let wanted = watch.range ?? 0...UInt64.max
        let joined = range.map { min($0.lowerBound, wanted.lowerBound)...max($0.upperBound, wanted.upperBound) }
        watches.append(watch)
        // Facts that were passed do not come back unless this watch could have seen them.
        let isCovered = joined == range && watch.from >= position
        range = joined ?? wanted
        if isCovered { return }
        // The next fact has been read, not looked at.
        position = min(head.map { $0.checkpoint - 1 } ?? position, watch.from)
        try open()
    }

    /// Goes back to the first of these checkpoints: from here on they count too.
    func revive(_ checkpoints: Set<Int64>) throws(BatchError) {
        revived.formUnion(checkpoints)
        guard let first = checkpoints.min(), first <= position else { return }
        position = first - 1
        try open()
    }

    func advance() throws(BatchError) {
        head = nil
        guard let statement else { return }
        while try statement.step() {
            let row = statement.values
            if row[5] != .null, !revived.contains(row[0].integer ?? 0) { continue }
            return try read(row)
        }
    }

    private func read(_ row: [SQLValue]) throws(BatchError) {
        guard let side = row[2].integer.flatMap(FactSide.init), let keys = row[3].bytes else {
            throw Ledger.damaged("batchmgr_facts")
        }
        let checkpoint = row[0].integer ?? 0
        position = checkpoint
        head = Fact(
            relation: relation, checkpoint: checkpoint, batch: row[1].integer ?? 0, side: side,
            keys: try KeyRuns(encoded: keys), undoneFrom: row[4].integer)
    }

    private func open() throws(BatchError) {
        let statement: Statement
        if let known = self.statement {
            statement = known
            statement.reset()
        } else {
            statement = try ledger.connection.prepare(
                """
                SELECT f.checkpoint, c.batch, f.side, f.keys, CASE b.kind WHEN 'rollback' THEN coalesce( \
                (SELECT min(u.checkpoint) FROM main.batchmgr_undone u JOIN main.batchmgr_facts g \
                ON g.relation = f.relation AND g.checkpoint = u.checkpoint WHERE u.rollback = f.checkpoint), \
                \(Int64.max)) END, c.undone_by FROM main.batchmgr_facts f \
                CROSS JOIN main.batchmgr_checkpoints c ON c.id = f.checkpoint \
                CROSS JOIN main.batchmgr_batches b ON b.seq = c.batch \
                WHERE f.relation = ? AND f.checkpoint > ? AND f.high >= ? AND f.low <= ? AND (c.undone_by IS NULL OR ?) \
                ORDER BY f.checkpoint, f.side, f.part
                """)
            self.statement = statement
        }
        let range = self.range ?? 0...UInt64.max
        try statement.bind([
            .integer(relation), .integer(position), .ordered(range.lowerBound), .ordered(range.upperBound),
            .integer(revived.isEmpty ? 0 : 1),
        ])
        try advance()
    }
}
