public import BatchCore

/// A batch that the program makes itself: a rollback, a restore, an adoption of drift. It bears a name of
/// `JobID.reserved`, and has one checkpoint and one restore point.
///
/// Tool and extension write such batches here, and nowhere else.
public struct OwnBatch {
    public var record: BatchRecord
    /// With the copy that was taken before, when there is one; of batch 0 until the batch is written. Its id stays 0 when
    /// the batch changed nothing: then there is no point, and the copy is of no use.
    public var point: PointRecord

    public init(
        _ kind: BatchRecord.Kind, in ledger: Ledger, actor: String, trace: String, at time: Timestamp
    ) throws(BatchError) {
        let job = kind.rawValue
        let number = try ledger.exists() ? try ledger.nextNumber(of: job) : 1
        record = BatchRecord(
            batch: BatchID(job: job, number: number), kind: kind, actor: actor, traceID: trace,
            startedAt: time.iso8601)
        point = PointRecord(batch: 0, kind: kind, lastCheckpoint: 0, createdAt: time.iso8601)
    }

    /// Writes the batch with all that the gateway has recorded. The transaction ends, unless the gateway holds it open.
    /// - Parameter finish: checks the result, and writes what belongs to it, such as the audit.
    /// - Returns: the checkpoint.
    @discardableResult
    public mutating func commit(
        _ gateway: Gateway, step: String, now clock: @autoclosure () -> Timestamp,
        finish: (_ batch: OwnBatch, _ checkpoint: Int64) throws(BatchError) -> Void
    ) throws(BatchError) -> Int64 {
        let ledger = gateway.ledger
        var batch = self
        batch.record.status = .committed
        batch.record.digestBefore = try ledger.state()?.combined
        try ledger.insert(&batch.record)
        batch.point.batch = batch.record.seq
        let checkpoint = try gateway.commit(batch: batch.record.seq, number: 1, step: step, at: clock()) {
            (checkpoint) throws(BatchError) in
            batch.record.rows = gateway.rows
            batch.record.finishedAt = clock().iso8601
            batch.record.digestAfter = try ledger.state()?.combined
            batch.record.hasSchemaChange = gateway.changedSchema
            try ledger.update(batch.record)
            batch.point.lastCheckpoint = checkpoint
            // The tool has no way to the copies of a database in memory. What changed nothing in the end leaves the
            // state of the point before.
            let needsPoint = try ledger.hasChangedNothing(batch.record) ? ledger.isFirstCopy(batch.point) : true
            if !ledger.connection.path.isEmpty, needsPoint { try ledger.save(&batch.point) }
            try finish(batch, checkpoint)
        }
        self = batch
        return checkpoint
    }
}
