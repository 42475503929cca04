public import BatchCore

extension Ledger {
    private static let columns = """
        seq, batch, kind, status, job_version, tenant, idempotency_key, actor, trace_id, definition, parameters, \
        started_at, finished_at, inserted, updated, deleted, digest_before, digest_after, has_ddl, rolls_back, error
        """

    /// The same, for reading: the text of a job is kept once, and where it is that of an earlier batch, `definition` is `@`
    /// and the number of that batch.
    private static let resolved = columns.replacing(
        "definition",
        with: """
            CASE WHEN definition GLOB '@[0-9]*' THEN (SELECT earlier.definition FROM main.batchmgr_batches earlier \
            WHERE earlier.seq = CAST(substr(main.batchmgr_batches.definition, 2) AS INTEGER)) ELSE definition END
            """)

    /// What is written for the text of a job.
    private func stored(_ definition: String?, of job: String) throws(BatchError) -> SQLValue {
        guard let definition else { return .null }
        let sql = """
            SELECT seq, definition FROM main.batchmgr_batches WHERE job = ? AND definition IS NOT NULL \
            ORDER BY number DESC LIMIT 1
            """
        guard let last = try connection.rows(sql, [.string(job)]).first, let text = last[1].string,
            let own = last[0].integer
        else { return .string(definition) }
        if text == definition { return .string("@\(own)") }
        guard text.hasPrefix("@"), let first = Int64(text.dropFirst()) else { return .string(definition) }
        let kept = try connection.value(
            "SELECT definition FROM main.batchmgr_batches WHERE seq = ?", [.integer(first)])
        return .string(kept?.string == definition ? text : definition)
    }

    /// The number for the next batch of a job. Numbers are never used twice.
    public func nextNumber(of job: String) throws(BatchError) -> Int {
        let last = try connection.value("SELECT max(number) FROM main.batchmgr_batches WHERE job = ?", [.string(job)])
        let number = Int(last?.integer ?? 0)
        guard number < Int.max else { throw Ledger.damaged("batchmgr_batches") }
        return number + 1
    }

    /// Writes a new batch and gives it its place in the order.
    public func insert(_ batch: inout BatchRecord) throws(BatchError) {
        try connection.run(
            Ledger.insertion,
            [.string(batch.batch.description), .string(batch.batch.job), .integer(Int64(batch.batch.number))]
                + values(batch, definition: try stored(batch.definition, of: batch.batch.job)))
        batch.seq = connection.lastInsertRowID
    }

    /// All but the text of its job, which never changes.
    public func update(_ batch: BatchRecord) throws(BatchError) {
        try connection.run(
            Ledger.renewal,
            values(batch, definition: .optional(batch.definition)) + [.integer(batch.seq)])
    }

    private static let insertion =
        "INSERT INTO main.batchmgr_batches(batch, job, number, \(columns.dropFirst(11))) VALUES(?, ?, ?"
        + String(repeating: ", ?", count: 19) + ")"

    private static let renewal: String = {
        let names = columns.dropFirst(11).split(separator: ", ").map(\.trimmingSpaces)
        let list = names.map { $0 == "definition" ? "definition = ifnull(definition, ?)" : "\($0) = ?" }
        return "UPDATE main.batchmgr_batches SET \(list.joined(separator: ", ")) WHERE seq = ?"
    }()

    private func values(_ batch: BatchRecord, definition: SQLValue) -> [SQLValue] {
        [
            .string(batch.kind.rawValue), .string(batch.status.rawValue), .optional(batch.jobVersion),
            .optional(batch.tenant), .optional(batch.idempotencyKey), .string(batch.actor), .string(batch.traceID),
            definition, .optional(batch.parameters), .string(batch.startedAt),
            .optional(batch.finishedAt), .integer(Int64(batch.rows.inserted)), .integer(Int64(batch.rows.updated)),
            .integer(Int64(batch.rows.deleted)), .optional(batch.digestBefore?.description),
            .optional(batch.digestAfter?.description), .integer(batch.hasSchemaChange ? 1 : 0),
            .optional(batch.rollsBack), .optional(batch.error),
        ]
    }

    /// Batches in commit order.
    /// - Parameter condition: SQL after WHERE.
    public func batches(where condition: String = "1", _ parameters: [SQLValue] = []) throws(BatchError)
        -> [BatchRecord]
    {
        var records: [BatchRecord] = []
        let sql = "SELECT \(Ledger.resolved) FROM main.batchmgr_batches WHERE \(condition) ORDER BY seq"
        for row in try connection.rows(sql, parameters) { records.append(try Ledger.record(row)) }
        return records
    }

    /// Batches, the newest first, until `body` answers false: what it does not want is not read.
    /// - Parameters:
    ///   - job: of this job alone.
    ///   - condition: SQL after WHERE, with `?2` and more for its parameters.
    public func forEachBatchFromNewest(
        of job: String? = nil, where condition: String = "1", _ parameters: [SQLValue] = [],
        _ body: (BatchRecord) throws(BatchError) -> Bool
    ) throws(BatchError) {
        // The numbers of a job are in the order of its batches, and have an index.
        let (own, order) = job == nil ? ("?1 IS NULL", "seq") : ("job = ?1", "number")
        try connection.forEachRow(
            "SELECT \(Ledger.resolved) FROM main.batchmgr_batches WHERE \(own) AND (\(condition)) ORDER BY \(order) DESC",
            [.optional(job)] + parameters
        ) { (row) throws(BatchError) in try body(try Ledger.record(row)) }
    }

    /// The latest batch of a job that a condition holds for.
    /// - Parameter condition: SQL after WHERE, with `?2` and more for its parameters.
    public func latestBatch(
        of job: String, where condition: String, _ parameters: [SQLValue]
    ) throws(BatchError) -> BatchRecord? {
        var found: BatchRecord?
        try forEachBatchFromNewest(of: job, where: condition, parameters) { (batch) in
            found = batch
            return false
        }
        return found
    }

    /// The jobs that batches were made of.
    public func jobs() throws(BatchError) -> [String] {
        try connection.rows("SELECT DISTINCT job FROM main.batchmgr_batches").compactMap { $0[0].string }
    }

    /// The ids of batches by their `seq`.
    public func names(of batches: Set<Int64>) throws(BatchError) -> [Int64: BatchID] {
        var names: [Int64: BatchID] = [:]
        for batch in batches {
            let name = try connection.value("SELECT batch FROM main.batchmgr_batches WHERE seq = ?", [.integer(batch)])
            names[batch] = name?.string.flatMap(BatchID.init)
        }
        return names
    }

    public func batch(_ id: BatchID) throws(BatchError) -> BatchRecord? {
        try batches(where: "batch = ?", [.string(id.description)]).first
    }

    public func batch(seq: Int64) throws(BatchError) -> BatchRecord? {
        try batches(where: "seq = ?", [.integer(seq)]).first
    }

    private static func record(_ row: [SQLValue]) throws(BatchError) -> BatchRecord {
        guard let batch = row[1].string.flatMap(BatchID.init), let kind = row[2].string.flatMap(BatchRecord.Kind.init),
            let status = row[3].string.flatMap(BatchStatus.init)
        else { throw damaged("batchmgr_batches") }
        var record = BatchRecord(
            batch: batch, kind: kind, actor: row[7].string ?? "", traceID: row[8].string ?? "",
            startedAt: row[11].string ?? "")
        record.seq = row[0].integer ?? 0
        record.status = status
        record.jobVersion = row[4].string
        record.tenant = row[5].string
        record.idempotencyKey = row[6].string
        record.definition = row[9].string
        record.parameters = row[10].string
        record.finishedAt = row[12].string
        record.rows = RowCounts(
            inserted: Int(row[13].integer ?? 0), updated: Int(row[14].integer ?? 0), deleted: Int(row[15].integer ?? 0))
        record.digestBefore = row[16].string.flatMap(Digest.init(hex:))
        record.digestAfter = row[17].string.flatMap(Digest.init(hex:))
        record.hasSchemaChange = row[18].integer == 1
        record.rollsBack = row[19].string
        record.error = row[20].string
        return record
    }

    /// True when steps of a batch did something outside the database that stands.
    public func hasEffects(_ batch: Int64) throws(BatchError) -> Bool {
        try connection.value(
            "SELECT 1 FROM main.batchmgr_effects WHERE batch = ? AND undone_by IS NULL LIMIT 1", [.integer(batch)])
            != nil
    }

    // MARK: Checkpoints

    /// Checkpoints of a batch in their order.
    public func checkpoints(of batch: Int64) throws(BatchError) -> [CheckpointRecord] {
        try checkpoints(where: "batch = ?", [.integer(batch)])
    }

    /// Checkpoints in commit order.
    public func checkpoints(where condition: String, _ parameters: [SQLValue]) throws(BatchError) -> [CheckpointRecord]
    {
        let sql = """
            SELECT id, batch, number, step, position, committed_at, inserted, updated, deleted, undone_by \
            FROM main.batchmgr_checkpoints WHERE \(condition) ORDER BY id
            """
        return try connection.rows(sql, parameters).map { row in
            CheckpointRecord(
                id: row[0].integer ?? 0, batch: row[1].integer ?? 0, number: Int(row[2].integer ?? 0),
                step: row[3].string ?? "", position: row[4].string, committedAt: row[5].string ?? "",
                rows: RowCounts(
                    inserted: Int(row[6].integer ?? 0), updated: Int(row[7].integer ?? 0),
                    deleted: Int(row[8].integer ?? 0)),
                undoneBy: row[9].integer)
        }
    }

    public func markUndone(_ checkpoint: Int64, by rollback: Int64?) throws(BatchError) {
        try connection.run(
            "UPDATE main.batchmgr_checkpoints SET undone_by = ? WHERE id = ?",
            [rollback.map(SQLValue.integer) ?? .null, .integer(checkpoint)])
    }
}

extension SQLValue {
    /// NULL for nil.
    public static func optional(_ text: String?) -> SQLValue { text.map(SQLValue.string) ?? .null }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring { drop { $0 == " " } }
}

/// One row of `batchmgr_checkpoints`.
public struct CheckpointRecord: Hashable, Sendable {
    /// Commit order over all batches.
    public let id: Int64
    /// `BatchRecord.seq`.
    public let batch: Int64
    /// Counted from 1 within the batch.
    public let number: Int
    public let step: String
    /// Where a chunked step goes on: the number of items done.
    public let position: String?
    public let committedAt: String
    public let rows: RowCounts
    /// The checkpoint of the rollback that undid this one.
    public let undoneBy: Int64?

    public var isLive: Bool { undoneBy == nil }
}

extension Ledger {
    /// Notes that a batch is an earlier one, run again.
    /// - Parameter rollback: the batch that made it necessary.
    public func noteReplay(_ batch: Int64, of original: Int64, by rollback: Int64) throws(BatchError) {
        try connection.run(
            "INSERT INTO main.batchmgr_replays VALUES(?, ?, ?)",
            [.integer(batch), .integer(original), .integer(rollback)])
    }

    /// Batches that are earlier ones run again: the new one's `seq` with the old one's id, and the other way round.
    public func replays() throws(BatchError) -> (originals: [Int64: BatchID], replacements: [Int64: BatchID]) {
        // A ledger that an older program made has no such table before the next batch.
        guard try has("batchmgr_replays") else {
            return ([:], [:])
        }
        let sql = """
            SELECT r.batch, n.batch, r.replays, o.batch FROM main.batchmgr_replays r \
            JOIN main.batchmgr_batches n ON n.seq = r.batch JOIN main.batchmgr_batches o ON o.seq = r.replays ORDER BY r.batch
            """
        var originals: [Int64: BatchID] = [:]
        var replacements: [Int64: BatchID] = [:]
        for row in try connection.rows(sql) {
            originals[row[0].integer ?? 0] = row[3].string.flatMap(BatchID.init)
            replacements[row[2].integer ?? 0] = row[1].string.flatMap(BatchID.init)
        }
        return (originals, replacements)
    }
}
