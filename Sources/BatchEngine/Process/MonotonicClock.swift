/// A clock that only goes forward, for timeouts. Handed in, so that a test can move it.
public struct MonotonicClock: Sendable {
    /// Milliseconds since some fixed moment.
    public let now: @Sendable () -> Int64

    public init(now: @escaping @Sendable () -> Int64) { self.now = now }

    public static let system: MonotonicClock = {
        let origin = ContinuousClock.now
        return MonotonicClock {
            let (seconds, attoseconds) = (ContinuousClock.now - origin).components
            return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
        }
    }()
}
