internal import BatchCore

/// Finds batches that wrote to a table while one of its triggers, or a unique index, was dropped: when that comes back, it
/// has not seen what they did.
struct MissedObjects {
    private let ledger: Ledger

    init(_ ledger: Ledger) { self.ledger = ledger }

    /// Writers that are not dependents already.
    func writers(_ search: DependencySearch) throws(BatchError) -> [DependencyEdge] {
        var found: [Int64: DependencyEdge] = [:]
        for keys in search.undone where !keys.isUse && keys.relation.kind == .definition {
            for object in try dropped(keys) {
                guard let rows = search.relation(.rows(object.tableName)) else { continue }
                for batch in try batches(writing: rows, MissedObjects.sides(of: object), after: keys.from, search)
                where !search.isDependent(batch) && found[batch] == nil {
                    let kind = object.isUniqueIndex ? "unique index" : "trigger"
                    found[batch] = DependencyEdge(
                        batch: batch, on: keys.batch, depth: search.depth(of: keys.batch) + 1, kind: .read,
                        evidence: "wrote \(object.tableName) without \(kind) \(object.name)")
                }
            }
        }
        return Array(found.values)
    }

    /// The undo log alone knows which table they were on. Where it is damaged, they are left out: the batch may
    /// still be undone from a restore point.
    private func dropped(_ keys: DependencySearch.UndoneKeys) throws(BatchError) -> [SchemaObject] {
        let prefixes = ["trigger ", "index "]
        guard let prefix = prefixes.first(where: keys.relation.table.hasPrefix) else { return [] }
        let name = keys.relation.table.dropFirst(prefix.count)
        var missed: [SchemaObject] = []
        for checkpoint in try ledger.checkpoints(of: keys.batch) where checkpoint.id >= keys.from {
            let objects = (try? ledger.droppedObjects(in: checkpoint.id)) ?? []
            missed += objects.filter { ($0.type == "trigger" || $0.isUniqueIndex) && $0.name == name }
        }
        return missed
    }

    /// What a batch that would have fired it did to rows: anything, where its text does not tell. A row that is added
    /// and then changed was added, and one that REPLACE wrote was changed.
    private static func sides(of object: SchemaObject) -> [FactSide] {
        if object.isUniqueIndex { return [.added, .changed] }
        let words = (object.sql ?? "").uppercased().split(whereSeparator: \.isWhitespace)
        for (word, next) in zip(words, words.dropFirst()) where next == "ON" || next == "OF" {
            switch word {
            case "INSERT", "UPDATE": return [.added, .changed]
            case "DELETE": return [.removed, .changed]
            default: continue
            }
        }
        return [.added, .changed, .removed]
    }

    private func batches(
        writing rows: Int64, _ sides: [FactSide], after checkpoint: Int64, _ search: DependencySearch
    ) throws(BatchError) -> [Int64] {
        let sql = """
            SELECT DISTINCT c.batch, iif(c.undone_by IS NULL, NULL, c.id) FROM main.batchmgr_facts f \
            CROSS JOIN main.batchmgr_checkpoints c ON c.id = f.checkpoint \
            CROSS JOIN main.batchmgr_batches b ON b.seq = c.batch WHERE f.relation = ? AND f.checkpoint > ? \
            AND f.side IN (\(sides.map { "\($0.rawValue)" }.joined(separator: ", "))) AND (c.undone_by IS NULL OR ?) AND b.kind = 'batch'
            """
        let values: [SQLValue] = [
            .integer(rows), .integer(checkpoint), .integer(search.revived.isEmpty ? 0 : 1),
        ]
        return try ledger.connection.rows(sql, values)
            .filter { $0[1].integer.map(search.revived.contains) ?? true }.compactMap { $0[0].integer }
    }
}
