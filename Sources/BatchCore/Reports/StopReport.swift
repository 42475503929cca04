/// `stop`
public struct StopReport: Report, Hashable {
    public let batch: BatchID

    public init(batch: BatchID) { self.batch = batch }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("batch", .string(batch.description)), .init("stop_requested", true)]
    }
}
