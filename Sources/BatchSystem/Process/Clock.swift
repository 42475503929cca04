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
    public static func sleep(milliseconds: Int64) { sleep(microseconds: milliseconds * 1_000) }
    public static func sleep(microseconds: Int64) { usleep(UInt32(clamping: microseconds)) }
}

extension LocalZone {
    /// As `TZ` or the machine says.
    public static let system = LocalZone(
        civil: { time in
            var seconds = time_t(time.milliseconds / 1_000)
            var parts = tm()
            localtime_r(&seconds, &parts)
            return CivilTime(
                year: Int(parts.tm_year) + 1_900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
                second: Int(parts.tm_hour) * 3_600 + Int(parts.tm_min) * 60 + Int(parts.tm_sec))
        },
        moment: { time in
            // In the hour that comes twice both readings show the same clock; of one that is skipped neither does.
            let readings = [Int32(0), 1].map { read(time, isSummer: $0) }
            let exact = readings.filter { $0.shown == time.second % 86_400 }.map(\.seconds).max()
            return Timestamp(milliseconds: Int64(exact ?? read(time, isSummer: -1).seconds) * 1_000)
        })

    private static func read(_ time: CivilTime, isSummer: Int32) -> (seconds: time_t, shown: Int) {
        var parts = tm()
        parts.tm_year = Int32(clamping: time.year - 1_900)
        parts.tm_mon = Int32(clamping: time.month - 1)
        parts.tm_mday = Int32(clamping: time.day)
        parts.tm_hour = Int32(clamping: time.second / 3_600)
        parts.tm_min = Int32(clamping: time.second / 60 % 60)
        parts.tm_sec = Int32(clamping: time.second % 60)
        parts.tm_isdst = isSummer
        let seconds = mktime(&parts)
        return (seconds, Int(parts.tm_hour) * 3_600 + Int(parts.tm_min) * 60 + Int(parts.tm_sec))
    }
}

private func read(_ clock: clockid_t, per second: Int64) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * second + Int64(time.tv_nsec) * second / 1_000_000_000
}
