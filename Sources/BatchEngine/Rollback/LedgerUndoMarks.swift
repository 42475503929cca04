internal import BatchCore
internal import BatchLedger

extension Ledger {
    /// When a rollback is undone, what it had undone lives again.
    func revive(checkpointsUndoneBy checkpoint: Int64) throws(BatchError) {
        let revived = try connection.rows(
            "SELECT DISTINCT batch FROM batchmgr_checkpoints WHERE undone_by = ?", [.integer(checkpoint)])
        try connection.run(
            "UPDATE batchmgr_checkpoints SET undone_by = NULL WHERE undone_by = ?", [.integer(checkpoint)])
        for row in revived { try refreshStatus(row[0].integer ?? 0, isPartial: false) }
    }

    /// Sets the status of a batch from its checkpoints.
    /// - Parameter isPartial: something outside the database was not taken back.
    func refreshStatus(_ seq: Int64, isPartial: Bool) throws(BatchError) {
        guard var batch = try batch(seq: seq) else { return }
        let checkpoints = try checkpoints(of: seq)
        let live = checkpoints.filter(\.isLive).count
        if live == checkpoints.count {
            let wasStopped = batch.error?.hasPrefix(ErrorCode.stopped.rawValue) == true
            batch.status = batch.error == nil ? .committed : wasStopped ? .stopped : .failed
        } else {
            batch.status = live == 0 && !isPartial ? .rolledBack : .partiallyRolledBack
        }
        try update(batch)
    }
}
