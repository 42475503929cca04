public import BatchCore
internal import BatchLedger

/// Something that a step did outside the database's rows: a program that ran, a file that was written.
public struct Effect: Hashable, Sendable {
    public enum Kind: String, Sendable {
        case exec, plugin, export, snapshot
    }

    public let id: Int64
    public let checkpoint: Int64
    public let step: String
    public let kind: Kind
    /// What undo, or a reader, needs to know.
    public let detail: JSONValue
}

extension Ledger {
    func insert(
        _ kind: Effect.Kind, batch: Int64, checkpoint: Int64, step: String, detail: JSONValue
    ) throws(BatchError) {
        try connection.run(
            "INSERT INTO batchmgr_effects(batch, checkpoint, step, kind, detail) VALUES(?, ?, ?, ?, ?)",
            [
                .integer(batch), .integer(checkpoint), .string(step), .string(kind.rawValue),
                .string(JSONWriter.text(detail)),
            ])
    }

    /// Effects of a batch that stand, in the order they happened.
    func effects(of batch: Int64) throws(BatchError) -> [Effect] {
        let sql = """
            SELECT id, checkpoint, step, kind, detail FROM batchmgr_effects WHERE batch = ? AND undone_by IS NULL ORDER BY id
            """
        return try connection.rows(sql, [.integer(batch)]).compactMap { row in
            guard let id = row[0].integer, let kind = row[3].string.flatMap(Effect.Kind.init) else { return nil }
            return Effect(
                id: id, checkpoint: row[1].integer ?? 0, step: row[2].string ?? "", kind: kind,
                detail: row[4].string.flatMap { try? JSONParser.parse($0) } ?? .null)
        }
    }

    /// What these checkpoints of a rollback have taken back outside the database: the step and its batch.
    func effects(undoneBy checkpoints: [Int64]) throws(BatchError) -> [(step: String, batch: String)] {
        let list = checkpoints.map(String.init).joined(separator: ", ")
        let sql = """
            SELECT e.step, b.batch FROM main.batchmgr_effects e JOIN main.batchmgr_batches b ON b.seq = e.batch \
            WHERE e.undone_by IN (\(list)) ORDER BY e.id
            """
        return try connection.rows(sql).map { ($0[0].string ?? "", $0[1].string ?? "") }
    }

    func markEffectUndone(_ id: Int64, by checkpoint: Int64) throws(BatchError) {
        try connection.run(
            "UPDATE batchmgr_effects SET undone_by = ? WHERE id = ?", [.integer(checkpoint), .integer(id)])
    }
}
