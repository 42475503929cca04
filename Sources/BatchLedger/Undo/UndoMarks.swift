public import BatchCore

extension Ledger {
    /// When a rollback is undone, what it had undone lives again. Was that a rollback too, it holds again, and what it
    /// had undone is undone.
    public func revive(checkpointsUndoneBy checkpoint: Int64) throws(BatchError) {
        let revived = try connection.rows(
            "SELECT id, batch FROM main.batchmgr_checkpoints WHERE undone_by = ? ORDER BY id DESC",
            [.integer(checkpoint)])
        for row in revived { try markUndone(row[0].integer ?? 0, by: nil) }
        // What a rollback among them had undone may be among them too.
        for row in revived {
            let id = row[0].integer ?? 0
            let isLive = "SELECT 1 FROM main.batchmgr_checkpoints WHERE id = ? AND undone_by IS NULL"
            if try connection.value(isLive, [.integer(id)]) != nil { try bury(checkpointsUndoneBy: id) }
        }
        for seq in Set(revived.compactMap { $0[1].integer }) { try refreshStatus(seq, isPartial: false) }
    }

    private func bury(checkpointsUndoneBy checkpoint: Int64) throws(BatchError) {
        let sql = """
            SELECT c.id, c.batch FROM main.batchmgr_undone u JOIN main.batchmgr_checkpoints c ON c.id = u.checkpoint \
            WHERE u.rollback = ? AND c.undone_by IS NULL ORDER BY c.id DESC
            """
        for buried in try connection.rows(sql, [.integer(checkpoint)]) {
            let id = buried[0].integer ?? 0
            try markUndone(id, by: checkpoint)
            try revive(checkpointsUndoneBy: id)
            try refreshStatus(buried[1].integer ?? 0, isPartial: false)
        }
    }

    /// Sets the status of a batch from its checkpoints.
    /// - Parameter isPartial: something outside the database was not taken back.
    public func refreshStatus(_ seq: Int64, isPartial: Bool) throws(BatchError) {
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
    /// Marks what a rollback has undone.
    /// - Parameters:
    ///   - checkpoint: of the rollback.
    ///   - kept: batches of which something stays, by name.
    ///   - each: called after each checkpoint.
    public func record(
        undone checkpoints: [(checkpoint: CheckpointRecord, batch: String)], of batches: [BatchRecord],
        by checkpoint: Int64, keeping kept: Set<String>, each: () -> Void = {}
    ) throws(BatchError) {
        for (undone, _) in checkpoints {
            try markUndone(undone.id, by: checkpoint)
            try connection.run(
                "INSERT OR IGNORE INTO main.batchmgr_undone VALUES(?, ?)", [.integer(checkpoint), .integer(undone.id)])
            try revive(checkpointsUndoneBy: undone.id)
            each()
        }
        for batch in batches { try refreshStatus(batch.seq, isPartial: kept.contains("\(batch.batch)")) }
    }

    /// The live checkpoints of batches, the last first, with the names of their batches.
    /// - Parameters:
    ///   - kept: of the first of the batches, checkpoints up to this number are left out.
    ///   - revived: these count as live.
    public func liveCheckpoints(
        of batches: [BatchRecord], after kept: Int = 0, and revived: Set<Int64> = []
    ) throws(BatchError) -> [(checkpoint: CheckpointRecord, batch: String)] {
        var found: [(checkpoint: CheckpointRecord, batch: String)] = []
        for (index, batch) in batches.enumerated() {
            for checkpoint in try checkpoints(of: batch.seq)
            where (checkpoint.isLive || revived.contains(checkpoint.id)) && checkpoint.number > (index == 0 ? kept : 0)
            {
                found.append((checkpoint, batch.batch.description))
            }
        }
        return found.sorted { $0.checkpoint.id > $1.checkpoint.id }
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when nothing of a batch is left to undo after a checkpoint.
    public func requireLive(_ batch: BatchRecord, after kept: Int? = nil) throws(BatchError) {
        let own = try checkpoints(of: batch.seq)
        if own.contains(where: { $0.isLive && $0.number > kept ?? 0 }) { return }
        let hint: Hint = "see it: \(command: "show --id \(batch.batch)")"
        if own.isEmpty {
            throw BatchError(
                .wrongState, "batch \(batch.batch) committed nothing, so there is nothing to undo", hint: hint)
        }
        if let kept, own.contains(where: \.isLive) {
            throw BatchError(.wrongState, "batch \(batch.batch) has nothing after checkpoint \(kept)", hint: hint)
        }
        guard let rollback = try undoers(of: batch.seq).first else {
            throw BatchError(.wrongState, "batch \(batch.batch) is rolled back already", hint: hint)
        }
        guard batch.status == .partiallyRolledBack else {
            throw BatchError(
                .wrongState, "batch \(batch.batch) is rolled back already, by \(rollback)",
                hint: "bring it back: \(command: "rollback --id \(rollback)")")
        }
        throw BatchError(
            .wrongState, "batch \(batch.batch) was undone in part by \(rollback), and nothing of it is left to undo",
            hint: "to undo it in another way, undo that first: \(command: "rollback --id \(rollback)")")
    }

    /// The rollbacks that undid a part of a batch, or all of it; the latest first.
    public func undoers(of batch: Int64) throws(BatchError) -> [BatchID] {
        try connection.rows(
            """
            SELECT b.batch FROM main.batchmgr_checkpoints c JOIN main.batchmgr_checkpoints u ON u.id = c.undone_by \
            JOIN main.batchmgr_batches b ON b.seq = u.batch WHERE c.batch = ? GROUP BY b.seq ORDER BY max(u.id) DESC
            """, [.integer(batch)]
        ).compactMap { $0[0].string.flatMap { BatchID($0) } }
    }
}
