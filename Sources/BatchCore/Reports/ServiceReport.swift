/// `serve`, when it has ended
public struct ServiceReport: Report, Hashable {
    public let began: Timestamp
    public let ended: Timestamp
    /// Jobs that schedules have queued.
    public let firings: Int
    public let workerCrashes: Int

    public init(began: Timestamp, ended: Timestamp, firings: Int, workerCrashes: Int) {
        self.began = began
        self.ended = ended
        self.firings = firings
        self.workerCrashes = workerCrashes
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("began_at", .string(began.iso8601)), .init("ended_at", .string(ended.iso8601)),
            .init("firings", JSONValue(firings)), .init("worker_crashes", JSONValue(workerCrashes)),
        ]
    }
}
