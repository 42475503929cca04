public import BatchCore

/// A wish to run a job.
public struct RunOrder {
    public let job: JobDefinition
    public let values: ParameterValues
    public var tenant: String?
    /// A second run with the same key does nothing.
    public var key: String?
    /// Why there may be a patch plan only, whatever the level of the job; nil when nothing stands against a run.
    public var suggestion: String?
    /// How long a plan may be applied; nil for the usual time.
    public var planLife: Duration?
    /// Also when an earlier batch of the job is half done.
    public var isAnew = false
    /// The approved plan to carry out.
    var plan: ApprovedPatchPlan?

    public init(
        job: JobDefinition, values: ParameterValues, tenant: String? = nil, key: String? = nil,
        suggestion: String? = nil, planLife: Duration? = nil
    ) {
        self.job = job
        self.values = values
        self.tenant = tenant
        self.key = key
        self.suggestion = suggestion
        self.planLife = planLife
    }

    /// Rehearsed before, and checked behind.
    var isGoverned: Bool { plan != nil || LevelPolicy(level: job.level).needsChecklist }
}

/// What became of an order.
public enum Submission: Sendable {
    case ran(RunReport)
    /// Nothing was changed; the plan waits for approval.
    case planned(PlanReport)
}
