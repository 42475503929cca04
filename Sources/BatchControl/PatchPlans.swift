public import BatchCore

/// One row of `plans` in `control.db`: where a plan lies and what was decided about it.
public struct PatchPlanRecord: Hashable, Sendable {
    public let id: PlanID
    /// The name that the database keeps for life.
    public let database: String
    public let job: String
    public let tenant: String?
    public let author: String
    /// UTC, ISO 8601.
    public let createdAt: String
    public let expiresAt: String
    /// Name in the folder of reports.
    public let file: String
    public let sha256: String
    /// Ed25519 over the columns above, by the key of the workspace.
    public let seal: String
    public var status: PlanStatus = .proposed
    /// Who approved or rejected it, under which name, and who typed it.
    public var decidedBy: String?
    public var typedBy: String?
    public var decidedAt: String?
    /// Ed25519 over the plan and the decision; nil unless approved.
    public var approval: String?
    /// Why it was rejected, or why its batch failed.
    public var reason: String?
    public var batch: String?

    public init(
        id: PlanID, database: String, job: String, tenant: String?, author: String, createdAt: String,
        expiresAt: String, file: String, sha256: String, seal: String
    ) {
        self.id = id
        self.database = database
        self.job = job
        self.tenant = tenant
        self.author = author
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.file = file
        self.sha256 = sha256
        self.seal = seal
    }
}

/// Patch plans as processes share them. A second kind of store can stand beside `ControlFile` behind this.
public protocol PatchPlanStore: AnyObject {
    /// Keeps a new plan under the next number.
    /// - Parameter make: writes the file of the plan of this number, which must be kept by no earlier plan.
    func addPlan(_ make: (PlanID) throws(BatchError) -> PatchPlanRecord) throws(BatchError) -> PatchPlanRecord

    /// In the order of their numbers.
    func plans() throws(BatchError) -> [PatchPlanRecord]
    func plan(_ id: PlanID) throws(BatchError) -> PatchPlanRecord?

    /// Writes what changed of a plan, when its status is still one of these; of two at once, one finds it so.
    /// - Parameter note: notes elsewhere what happens; when it cannot, it does not happen.
    func movePlan(
        _ record: PatchPlanRecord, from: Set<PlanStatus>, noting note: () throws(BatchError) -> Void
    ) throws(BatchError) -> Bool
}
