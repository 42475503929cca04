internal import BatchCore

/// Finds batches that would be overtaken when dependents run again: they wrote, after a dependent had run, what the
/// dependent reads. To keep the order, they have to run again too.
struct OvertakenSearch {
    private let ledger: Ledger

    init(_ ledger: Ledger) { self.ledger = ledger }

    /// In commit order.
    func overtaken(by search: DependencySearch) throws(BatchError) -> [DependencyEdge] {
        var found: [Int64: DependencyEdge] = [:]
        for dependent in search.dependents {
            let own = try ledger.checkpoints(of: dependent.batch).filter(\.isLive)
            guard let first = own.first?.id else { continue }
            for (table, columns) in try reads(of: dependent.batch, search) {
                for batch in try writers(of: table, columns, after: first, search)
                where !search.isDependent(batch) && found[batch] == nil {
                    found[batch] = DependencyEdge(
                        batch: batch, on: dependent.batch, depth: dependent.depth + 1, kind: .read,
                        evidence: "wrote \(table), which was read before")
                }
            }
        }
        return found.values.sorted { $0.batch < $1.batch }
    }

    /// Columns by table, in lower case.
    private func reads(of batch: Int64, _ search: DependencySearch) throws(BatchError) -> [String: Set<String>] {
        var reads: [String: Set<String>] = [:]
        for relation in try relations(of: batch, .read, search) {
            reads[relation.table, default: []].formUnion(relation.columns.split(separator: ",").map { $0.lowercased() })
        }
        return reads
    }

    private func relations(
        of batch: Int64, _ side: FactSide, _ search: DependencySearch
    ) throws(BatchError) -> [Relation] {
        let sql = """
            SELECT DISTINCT f.relation FROM batchmgr_checkpoints c JOIN batchmgr_facts f ON f.checkpoint = c.id \
            WHERE c.batch = ? AND f.side = ?
            """
        return try ledger.connection.rows(sql, [.integer(batch), .integer(side.rawValue)])
            .compactMap { $0[0].integer.flatMap { search.relations[$0] } }
    }

    private func writers(
        of table: String, _ columns: Set<String>, after checkpoint: Int64, _ search: DependencySearch
    ) throws(BatchError) -> Set<Int64> {
        guard let rows = search.relations.first(where: { $0.value == .rows(table) })?.key else { return [] }
        let sql = """
            SELECT DISTINCT c.batch, f.side FROM batchmgr_facts f CROSS JOIN batchmgr_checkpoints c ON c.id = f.checkpoint \
            CROSS JOIN batchmgr_batches b ON b.seq = c.batch WHERE f.relation = ? AND f.checkpoint > ? \
            AND f.side IN (0, 1, 2) AND c.undone_by IS NULL AND b.kind <> 'rollback'
            """
        var writers: Set<Int64> = []
        for row in try ledger.connection.rows(sql, [.integer(rows), .integer(checkpoint)]) {
            guard let batch = row[0].integer, let side = row[1].integer.flatMap(FactSide.init) else { continue }
            if side == .changed, try !updates(batch, table, columns, search) { continue }
            writers.insert(batch)
        }
        return writers
    }

    private func updates(
        _ batch: Int64, _ table: String, _ columns: Set<String>, _ search: DependencySearch
    ) throws(BatchError) -> Bool {
        try relations(of: batch, .written, search).contains { relation in
            relation.table == table
                && (relation.columns == "*"
                    || relation.columns.split(separator: ",").contains { columns.contains($0.lowercased()) })
        }
    }
}
