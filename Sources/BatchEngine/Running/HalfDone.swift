internal import BatchCore
internal import BatchLedger

/// What a batch leaves that did not come to its end, and how to go on from there.
struct HalfDone {
    let ledger: Ledger

    init(_ session: Session) { ledger = session.ledger }

    // MARK: What stays

    /// The failure of a batch, with what stays of it and both ways on.
    func explain(_ failure: BatchError, of batch: BatchRecord) throws(BatchError) -> BatchError {
        let kept = try ledger.checkpoints(of: batch.seq).count(where: \.isLive)
        guard kept > 0 else {
            // Stopped before its first checkpoint, it goes on from the beginning.
            if failure.code == .stopped { return failure }
            return failure.with(hint: "\(failure.hint); nothing of it was kept")
        }
        let rows = batch.rows.total == 1 ? "1 row" : "\(batch.rows.total) rows"
        let checkpoints = kept == 1 ? "1 checkpoint" : "\(kept) checkpoints"
        return failure.with(
            message: "\(failure.message); \(rows) of \(checkpoints) stay",
            hint: waysOn(batch, after: failure))
    }

    private func waysOn(_ batch: BatchRecord, after failure: BatchError) -> Hint {
        let resume: HintCommand = "resume --id \(batch.batch)"
        let back: Hint = "; or take them back: \(command: "rollback --id \(batch.batch)")"
        if failure.hint.commands.contains(resume) { return failure.hint + back }
        return failure.hint + "; then go on: \(command: resume)" + back
    }

    // MARK: Once more

    /// - Throws: `ERR_UX_WRONG_STATE` while the latest batch of a job that still stands is half done: from the beginning,
    ///   its work would be done twice.
    func refuseAnother(of job: String, tenant: String?) throws(BatchError) {
        guard try ledger.exists(), let last = try latest(job, tenant),
            last.status == .stopped || last.status == .failed, last.definition != nil
        else { return }
        throw BatchError(
            .wrongState,
            "\(last.batch) is \(last.status.rawValue), and a part of it is done; another batch of \(job) would do that twice",
            hint:
                "go on with it: \(command: "resume --id \(last.batch)"); or take it back: \(command: "rollback --id \(last.batch)"); to run the job all the same, add --anew"
        )
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when a later batch of the job has done the work meanwhile.
    func refuseOvertaken(_ batch: BatchRecord) throws(BatchError) {
        guard let last = try latest(batch.batch.job, batch.tenant), last.seq > batch.seq else { return }
        throw BatchError(
            .wrongState, "\(last.batch) has run since \(batch.batch) stopped, so going on would do its work twice",
            hint: "take back what \(batch.batch) did: \(command: "rollback --id \(batch.batch)")")
    }

    /// The latest batch of a job and tenant of which something stands.
    private func latest(_ job: String, _ tenant: String?) throws(BatchError) -> BatchRecord? {
        try ledger.latestBatch(
            of: job,
            where: """
                tenant IS ?2 AND kind = 'batch' \
                AND EXISTS(SELECT 1 FROM main.batchmgr_checkpoints c WHERE c.batch = seq AND c.undone_by IS NULL)
                """, [.optional(tenant)])
    }

    /// The batch that undid a part of this one, or all of it; nil when nothing of it was undone.
    func undoer(of batch: BatchRecord) throws(BatchError) -> String? {
        try ledger.connection.value(
            """
            SELECT b.batch FROM main.batchmgr_checkpoints c JOIN main.batchmgr_checkpoints u ON u.id = c.undone_by \
            JOIN main.batchmgr_batches b ON b.seq = u.batch WHERE c.batch = ? ORDER BY u.id DESC LIMIT 1
            """, [.integer(batch.seq)])?.string
    }

    /// A batch of which a part was undone cannot go on.
    func partlyUndone(_ batch: BatchRecord) throws(BatchError) -> BatchError {
        guard let undoer = try undoer(of: batch) else {
            return BatchError(
                .wrongState, "batch \(batch.batch) was rolled back in part",
                hint: "see it: \(command: "show --id \(batch.batch)")")
        }
        return BatchError(
            .wrongState, "batch \(batch.batch) was rolled back in part by \(undoer), so it cannot go on",
            hint:
                "take the rest back: \(command: "rollback --id \(batch.batch)"); or bring the part back first: \(command: "rollback --id \(undoer)")"
        )
    }
}
