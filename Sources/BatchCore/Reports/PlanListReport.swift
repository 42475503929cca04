/// `plan list`
public struct PlanListReport: Report, Hashable {
    /// The latest first.
    public let plans: [PlanReport]

    public init(plans: [PlanReport]) { self.plans = plans }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("plans", .array(plans.map { .object($0.members(call)) }))]
    }
}
