/// `list`
public struct ListReport: Report, Hashable {
    public let batches: [BatchSummary]

    public init(batches: [BatchSummary]) { self.batches = batches }

    public var members: [JSONValue.Member] {
        [.init("batches", .array(batches.map { .object($0.members) }))]
    }
}
