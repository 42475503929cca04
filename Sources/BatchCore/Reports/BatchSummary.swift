/// One line of `list`.
public struct BatchSummary: Hashable, Sendable {
    public let batch: BatchID
    public let tenant: String?
    public let status: BatchStatus
    public let rows: RowCounts
    public let startedAt: Timestamp
    /// Nil while it runs.
    public let finishedAt: Timestamp?

    public init(
        batch: BatchID, tenant: String?, status: BatchStatus, rows: RowCounts, startedAt: Timestamp,
        finishedAt: Timestamp?
    ) {
        self.batch = batch
        self.tenant = tenant
        self.status = status
        self.rows = rows
        self.startedAt = startedAt
        self.finishedAt = finishedAt
    }

    public var members: [JSONValue.Member] {
        [
            .init("batch", .string(batch.description)), .init("job", .string(batch.job)),
            .init("tenant", JSONValue(tenant)), .init("status", .string(status.rawValue)), .init("rows", rows.json),
            .init("started_at", .string(startedAt.iso8601)), .init("finished_at", JSONValue(finishedAt?.iso8601)),
        ]
    }
}
