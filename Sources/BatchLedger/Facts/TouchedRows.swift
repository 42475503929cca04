public import BatchCore

extension Ledger {
    /// How many rows of each table some checkpoints touched, from their facts alone. A row that several checkpoints
    /// touched counts for each of them.
    public func touchedRows(in checkpoints: [Int64]) throws(BatchError) -> [String: RowCounts] {
        var counts: [String: RowCounts] = [:]
        for checkpoint in checkpoints {
            let sql = """
                SELECT r.table_name, f.side, sum(f.count) FROM batchmgr_facts f JOIN batchmgr_relations r ON r.id = f.relation \
                WHERE f.checkpoint = ? AND r.kind = 'rows' GROUP BY 1, 2
                """
            for row in try connection.rows(sql, [.integer(checkpoint)]) {
                guard let table = row[0].string, let side = row[1].integer.flatMap(FactSide.init) else { continue }
                let count = Int(row[2].integer ?? 0)
                switch side {
                case .added: counts[table, default: RowCounts()].inserted += count
                case .changed: counts[table, default: RowCounts()].updated += count
                case .removed: counts[table, default: RowCounts()].deleted += count
                default: break
                }
            }
        }
        return counts
    }
}
