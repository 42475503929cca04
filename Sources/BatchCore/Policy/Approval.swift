/// A human's word for exactly one plan.
public struct Approval: Hashable, Sendable {
    /// The patch plan, e.g. `plan.4`.
    public var plan: String
    public var author: String
    public var approver: String
    /// UTC, ISO 8601.
    public var approvedAt: String

    public init(plan: String, author: String, approver: String, approvedAt: String) {
        self.plan = plan
        self.author = author
        self.approver = approver
        self.approvedAt = approvedAt
    }
}
