internal import BatchCore

/// One row of `batchmgr_facts`.
struct Fact {
    let relation: Int64
    let checkpoint: Int64
    let batch: Int64
    let side: FactSide
    let keys: KeyRuns
}

extension Ledger {
    /// Facts of one checkpoint.
    func facts(of checkpoint: Int64) throws(BatchError) -> [Fact] {
        try facts("f.checkpoint = ?", [.integer(checkpoint)])
    }

    /// Facts about a relation from live checkpoints behind `checkpoint`, in commit order. Rollbacks are left out: what
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
            SELECT f.relation, f.checkpoint, c.batch, f.side, f.keys FROM batchmgr_facts f \
            JOIN batchmgr_checkpoints c ON c.id = f.checkpoint JOIN batchmgr_batches b ON b.seq = c.batch \
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
        for row in try connection.rows("SELECT id, kind, table_name, columns FROM batchmgr_relations") {
            guard let id = row[0].integer, let kind = row[1].string.flatMap(Relation.Kind.init) else { continue }
            relations[id] = Relation(kind: kind, table: row[2].string ?? "", columns: row[3].string ?? "")
        }
        return relations
    }
}
