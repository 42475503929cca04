internal import Glibc

/// A clock that only goes forward, for timeouts. Handed in, so that a test can move it.
public struct MonotonicClock: Sendable {
    /// Milliseconds since some fixed moment.
    public let now: @Sendable () -> Int64

    public init(now: @escaping @Sendable () -> Int64) { self.now = now }

    public static let system = MonotonicClock {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
