/// `list`
public struct ListReport: Report, Hashable {
    public let batches: [BatchSummary]

    public init(batches: [BatchSummary]) { self.batches = batches }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("batches", .array(batches.map { .object($0.members) }))]
    }
}
