public import BatchCore

/// One row of `batchmgr_batches`.
public struct BatchRecord: Hashable, Sendable {
    public enum Kind: String, Sendable {
        case batch, rollback, drift, baseline, restore
    }

    /// Commit order; 0 before the ledger has the row.
    public var seq: Int64
    public var batch: BatchID
    public var kind: Kind
    public var status: BatchStatus
    public var jobVersion: String?
    public var tenant: String?
    public var idempotencyKey: String?
    public var actor: String
    public var traceID: String
    /// The job's text as it ran; with `parameters` it is enough to run the batch again.
    public var definition: String?
    /// A JSON object.
    public var parameters: String?
    public var startedAt: String
    public var finishedAt: String?
    public var rows: RowCounts
    public var digestBefore: Digest?
    public var digestAfter: Digest?
    public var hasSchemaChange: Bool
    /// The batch that this one undoes, for rollbacks.
    public var rollsBack: String?
    /// Code and message of the failure.
    public var error: String?

    public init(batch: BatchID, kind: Kind, actor: String, traceID: String, startedAt: String) {
        seq = 0
        self.batch = batch
        self.kind = kind
        status = .running
        self.actor = actor
        self.traceID = traceID
        self.startedAt = startedAt
        rows = RowCounts()
        hasSchemaChange = false
    }

    /// It has ended, and left the digest that it found. Rows may have other numbers all the same, which no digest tells.
    var leftDigest: Bool { !hasSchemaChange && digestAfter != nil && digestAfter == digestBefore }
}
