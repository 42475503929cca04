/// `catalog list`
public struct JobListReport: Report, Hashable {
    /// By name.
    public let jobs: [JobReport]

    public init(jobs: [JobReport]) { self.jobs = jobs }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("jobs", .array(jobs.map { .object($0.summary) }))]
    }
}
