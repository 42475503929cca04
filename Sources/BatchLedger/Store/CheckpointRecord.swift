public import BatchCore

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
