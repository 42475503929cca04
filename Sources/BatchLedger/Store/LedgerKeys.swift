public import BatchCore

/// `--key`: what is done under a key is not done twice.
extension Ledger {
    /// The batch whose work uses up a key: it has committed, or a part of it has and stands. One that failed before its
    /// first checkpoint, or was rolled back, has done nothing that could be done twice.
    /// A key is one of a job and tenant: the jobs of one night share the date.
    public func holder(of key: String, job: String, tenant: String?) throws(BatchError) -> BatchRecord? {
        try batches(
            where: """
                idempotency_key = ?1 AND job = ?3 AND tenant IS ?2 AND (status IN ('running', 'committed', \
                'partially_rolled_back') OR EXISTS(SELECT 1 FROM main.batchmgr_checkpoints c \
                WHERE c.batch = seq AND c.undone_by IS NULL))
                """,
            [.string(key), .optional(tenant), .string(job)]
        ).last
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when another batch has done meanwhile what this one would do.
    public func requireKey(of batch: BatchRecord, besides undone: Set<Int64> = []) throws(BatchError) {
        guard let key = batch.idempotencyKey,
            let other = try holder(of: key, job: batch.batch.job, tenant: batch.tenant),
            other.seq != batch.seq, !undone.contains(other.seq)
        else { return }
        throw BatchError(
            .wrongState, "\(other.batch) has done the work of \(batch.batch) meanwhile: both have the key '\(key)'",
            hint: "to have it done by \(batch.batch), undo the other first: \(command: "rollback --id \(other.batch)")")
    }

    /// Undoing a rollback brings batches back to life. Their work must not have been done again meanwhile.
    /// - Parameters:
    ///   - checkpoints: that are to be undone.
    ///   - undone: batches that are undone as well.
    /// - Throws: as `requireKey`.
    public func requireKeys(
        ofRevivedBy checkpoints: [CheckpointRecord], besides undone: [BatchRecord]
    ) throws(BatchError) {
        for checkpoint in checkpoints {
            let revived = try batches(
                where: "seq IN (SELECT batch FROM main.batchmgr_checkpoints WHERE undone_by = ?)",
                [.integer(checkpoint.id)])
            for batch in revived { try requireKey(of: batch, besides: Set(undone.map(\.seq))) }
        }
    }
}
