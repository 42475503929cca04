public import BatchCore
internal import Glibc

/// A clock that only goes forward, for timeouts. Handed in, so that a test can move it.
public struct MonotonicClock: Sendable {
    /// Milliseconds since some fixed moment.
    public let now: @Sendable () -> Int64

    public init(now: @escaping @Sendable () -> Int64) { self.now = now }

    /// It goes on while the machine sleeps.
    public static let system = MonotonicClock { read(CLOCK_BOOTTIME, per: 1_000) }
}

/// Milliseconds by a clock that nobody sets, and that stands still while the machine sleeps.
public enum SteadyClock {
    public static func now() -> Int64 { read(CLOCK_MONOTONIC, per: 1_000) }
}

/// The time of the day, which somebody may set.
public enum WallClock {
    public static var now: Timestamp { Timestamp(milliseconds: read(CLOCK_REALTIME, per: 1_000)) }

    /// Waits.
    public static func sleep(milliseconds: Int64) { usleep(UInt32(clamping: milliseconds * 1_000)) }
}

private func read(_ clock: clockid_t, per second: Int64) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * second + Int64(time.tv_nsec) * second / 1_000_000_000
}
