/// One line of `list`.
public struct BatchSummary: Hashable, Sendable {
    public let batch: BatchID
    public let tenant: String?
    public let status: BatchStatus
    public let rows: RowCounts
    public let startedAt: Timestamp
    /// Nil while it runs.
    public let finishedAt: Timestamp?
    /// The batch that this one is again, after a rollback with `--mode replay`; nil for others.
    public let replays: BatchID?
    /// The batch that this one was run again as; nil for others.
    public let replayedBy: BatchID?

    public init(
        batch: BatchID, tenant: String?, status: BatchStatus, rows: RowCounts, startedAt: Timestamp,
        finishedAt: Timestamp?, replays: BatchID? = nil, replayedBy: BatchID? = nil
    ) {
        self.batch = batch
        self.tenant = tenant
        self.status = status
        self.rows = rows
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.replays = replays
        self.replayedBy = replayedBy
    }

    public var members: [JSONValue.Member] {
        [
            .init("batch", .string(batch.description)), .init("job", .string(batch.job)),
            .init("tenant", JSONValue(tenant)), .init("status", .string(status.rawValue)), .init("rows", rows.json),
            .init("started_at", .string(startedAt.iso8601)), .init("finished_at", JSONValue(finishedAt?.iso8601)),
        ] + JSONValue.Member.only("replays", replays.map { .string($0.description) })
            + JSONValue.Member.only("replayed_by", replayedBy.map { .string($0.description) })
    }
}
