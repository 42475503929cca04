/// One patch plan: `plan show`, `approve`, `reject`, and a `run` that made one.
public struct PlanReport: Report, Hashable {
    public let id: PlanID
    public let status: PlanStatus
    public let job: String
    public let tenant: String?
    public let author: String
    public let createdAt: Timestamp
    public let expiresAt: Timestamp
    public let isExpired: Bool
    /// Who approved or rejected it.
    public let decidedBy: String?
    public let decidedAt: String?
    /// Why it was rejected, or why its batch failed.
    public let reason: String?
    /// The batch that applied it.
    public let batch: BatchID?
    /// Path of the plan.
    public let file: String
    public let sha256: String
    /// What has moved since, so that the plan cannot be applied any more; nil when nothing has, or nobody looked.
    public let stale: String?
    /// What the plan holds; nil in a list.
    public let content: PatchPlan?

    public init(
        id: PlanID, status: PlanStatus, job: String, tenant: String?, author: String, createdAt: Timestamp,
        expiresAt: Timestamp, isExpired: Bool, decidedBy: String?, decidedAt: String?, reason: String?,
        batch: BatchID?, file: String, sha256: String, stale: String? = nil, content: PatchPlan? = nil
    ) {
        self.id = id
        self.status = status
        self.job = job
        self.tenant = tenant
        self.author = author
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.isExpired = isExpired
        self.decidedBy = decidedBy
        self.decidedAt = decidedAt
        self.reason = reason
        self.batch = batch
        self.file = file
        self.sha256 = sha256
        self.stale = stale
        self.content = content
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let own: [JSONValue.Member] = [
            .init("plan", .string("\(id)")), .init("status", .string(status.rawValue)), .init("job", .string(job)),
            .init("tenant", JSONValue(tenant)), .init("author", .string(author)),
            .init("created_at", .string(createdAt.iso8601)), .init("expires_at", .string(expiresAt.iso8601)),
            .init("expired", .bool(isExpired)), .init("stale", JSONValue(stale)),
            .init("decided_by", JSONValue(decidedBy)), .init("decided_at", JSONValue(decidedAt)),
            .init("reason", JSONValue(reason)), .init("batch", JSONValue(batch?.description)),
            .init("file", .string(file)), .init("sha256", .string(sha256)),
        ]
        guard let content else { return own }
        let known = Set(own.map(\.key)).union(["format_version", "kind"])
        return own + content.members.filter { !known.contains($0.key) }
    }
}

/// `plan list`
public struct PlanListReport: Report, Hashable {
    /// The latest first.
    public let plans: [PlanReport]

    public init(plans: [PlanReport]) { self.plans = plans }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("plans", .array(plans.map { .object($0.members(call)) }))]
    }
}

/// Where a patch plan stands.
public enum PlanStatus: String, Sendable, CaseIterable {
    /// Waiting for somebody to approve or reject it.
    case proposed
    case approved
    case rejected
    /// Its batch is running, or ended without a word.
    case applying
    case applied
    /// Its batch did not end well; the plan is used up.
    case failed
}
