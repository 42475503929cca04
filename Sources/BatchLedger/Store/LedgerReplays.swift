public import BatchCore

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
        guard try connection.value("SELECT 1 FROM main.sqlite_schema WHERE name = 'batchmgr_replays'") != nil else {
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
