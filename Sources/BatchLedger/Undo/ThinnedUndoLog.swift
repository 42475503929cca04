public import BatchCore

/// Undo logs that were taken out of the database, because a restore point leads back over their batches. Their blocks stay
/// as rows without data, so that nobody takes them for lost.
extension Ledger {
    /// True when a block of the checkpoint has no data any more.
    public func isThinned(_ checkpoint: Int64) throws(BatchError) -> Bool {
        try connection.value(
            "SELECT 1 FROM main.batchmgr_undo WHERE checkpoint = ? AND length(data) = 0 AND size > 0 LIMIT 1",
            [.integer(checkpoint)]) != nil
    }

    /// True when the batch is undone from its restore points.
    public func isThinned(batch: Int64) throws(BatchError) -> Bool {
        for checkpoint in try checkpoints(of: batch) where try isThinned(checkpoint.id) { return true }
        return false
    }

    /// Takes the data out. The caller makes sure that another record leads back.
    /// - Returns: how many bytes were freed.
    public func thinUndoLog(of checkpoint: Int64) throws(BatchError) -> Int64 {
        let sum = "SELECT coalesce(sum(length(data)), 0) FROM main.batchmgr_undo WHERE checkpoint = ?"
        let bytes = try connection.value(sum, [.integer(checkpoint)])?.integer ?? 0
        if bytes == 0 { return 0 }
        try connection.run("UPDATE main.batchmgr_undo SET data = x'' WHERE checkpoint = ?", [.integer(checkpoint)])
        return bytes
    }

    static func thinned() -> BatchError {
        BatchError(
            .noRestorePoint, "its undo log is no longer in the database: its restore points lead back over it",
            hint: "undo it from them: \(command: "rollback --id BATCH --source git")")
    }
}
