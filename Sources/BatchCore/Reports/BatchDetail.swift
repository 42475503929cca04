/// `show`
public struct BatchDetail: Report, Hashable {
    public let summary: BatchSummary
    /// Version of the job; nil for SQL of one's own.
    public let jobVersion: String?
    public let traceID: String
    /// As pinned when the batch began.
    public let parameters: JSONValue
    /// Why it failed; nil when it did not.
    public let error: String?
    public let checkpoints: [CheckpointSummary]
    public let dependents: [DependentSummary]
    public let restorePoint: RestorePointSummary?
    /// The batches that this one undid, when it is a rollback.
    public let rollsBack: [BatchID]

    public init(
        summary: BatchSummary, jobVersion: String?, traceID: String, parameters: JSONValue, error: String?,
        checkpoints: [CheckpointSummary], dependents: [DependentSummary], restorePoint: RestorePointSummary?,
        rollsBack: [BatchID] = []
    ) {
        self.summary = summary
        self.jobVersion = jobVersion
        self.traceID = traceID
        self.parameters = parameters
        self.error = error
        self.checkpoints = checkpoints
        self.dependents = dependents
        self.restorePoint = restorePoint
        self.rollsBack = rollsBack
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        summary.members + [
            .init("job_version", JSONValue(jobVersion)), .init("trace_id", .string(traceID)),
            .init("parameters", parameters), .init("error", JSONValue(error)),
            .init("checkpoints", .array(checkpoints.map(\.json))),
            .init("dependents", .array(dependents.map(\.json))),
            .init("restore_point", restorePoint?.json ?? .null),
            .init("rolls_back", .array(rollsBack.map { .string($0.description) })),
        ]
    }
}
