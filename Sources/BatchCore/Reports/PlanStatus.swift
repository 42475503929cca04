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
