public import BatchCore

/// Batches that were jobs of the queue which another batch had put there.
extension Ledger {
    /// A batch that a step of another one has queued.
    public struct Queued: Hashable, Sendable {
        /// `BatchRecord.seq`.
        public let batch: Int64
        public let step: String
        /// Its number in the queue.
        public let job: Int64

        var evidence: String { "queued by step \(step) as job \(job)" }
    }

    /// What tells a batch from others of its name: in other databases, and in this one before it was rebuilt.
    public func identity(of batch: BatchRecord) throws(BatchError) -> String {
        "\(try meta("database_id") ?? "") \(batch.startedAt)"
    }

    /// Notes whose job of the queue a batch was; does nothing when a batch of another database has queued that.
    public func noteQueued(_ batch: Int64, by step: QueuingStep, job: Int64) throws(BatchError) {
        let sql = """
            INSERT OR IGNORE INTO main.batchmgr_queued SELECT ?, seq, ?, ? FROM main.batchmgr_batches WHERE batch = ? \
            AND (SELECT value FROM main.batchmgr_meta WHERE key = 'database_id') || ' ' || started_at = ?
            """
        try connection.run(
            sql,
            [.integer(batch), .string(step.step), .integer(job), .string(step.batch), .string(step.identity)])
    }

    /// A batch that runs again is queued by the same one as before.
    public func noteQueued(_ batch: Int64, as original: Int64) throws(BatchError) {
        try connection.run(
            "INSERT OR IGNORE INTO main.batchmgr_queued SELECT ?, queued_by, step, job FROM main.batchmgr_queued WHERE batch = ?",
            [.integer(batch), .integer(original)])
    }

    /// In the order in which they began.
    public func queued(by batch: Int64) throws(BatchError) -> [Queued] {
        // A ledger that an older program made has no such table before the next batch.
        guard try has("batchmgr_queued") else { return [] }
        let sql = "SELECT batch, step, job FROM main.batchmgr_queued WHERE queued_by = ? ORDER BY batch"
        return try connection.rows(sql, [.integer(batch)]).map { row in
            Queued(batch: row[0].integer ?? 0, step: row[1].string ?? "", job: row[2].integer ?? 0)
        }
    }
}
