/// `serve`, when it has ended
public struct ServiceReport: Report, Hashable {
    public let began: Timestamp
    public let ended: Timestamp
    public let workerCrashes: Int

    public init(began: Timestamp, ended: Timestamp, workerCrashes: Int) {
        self.began = began
        self.ended = ended
        self.workerCrashes = workerCrashes
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("began_at", .string(began.iso8601)), .init("ended_at", .string(ended.iso8601)),
            .init("worker_crashes", JSONValue(workerCrashes)),
        ]
    }
}
