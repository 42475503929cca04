/// A stretch of time in which the clocks of a zone differ from UTC by the same span. In seconds since 1970-01-01 UTC.
public struct ZonePeriod: Hashable, Sendable {
    /// `Int64.min`: since ever.
    public let start: Int64
    /// The first second after it; `Int64.max`: for ever.
    public let end: Int64
    /// What the clock on the wall is ahead of UTC.
    public let offset: Int64

    public init(start: Int64, end: Int64, offset: Int64) {
        self.start = start
        self.end = end
        self.offset = offset
    }
}

/// The clocks of a place. Who knows the time zone database is handed in.
public protocol ZoneClock: Sendable {
    func period(at second: Int64) -> ZonePeriod
}

/// Clocks that nobody changes.
public struct UTCClock: ZoneClock {
    public init() {}

    public func period(at second: Int64) -> ZonePeriod { ZonePeriod(start: .min, end: .max, offset: 0) }
}

/// What becomes of a particular time that clocks leave out.
public enum GapRule: String, Hashable, Sendable, CaseIterable {
    /// It comes right after the gap.
    case shift
    case skip
}

/// Which one counts of a particular time that clocks show twice.
public enum FoldRule: String, Hashable, Sendable, CaseIterable {
    case first
    case last
    case both
}

/// The instants at which a schedule fires.
///
/// As Debian's cron: a schedule of particular times loses none when clocks are put forward, and has none twice when they
/// are put back; one with `*` for the minute or the hour goes by what the clock shows.
public struct FiringTimes: Sendable {
    public let cron: CronExpression
    public let gap: GapRule
    public let fold: FoldRule
    private let clock: any ZoneClock

    /// Nothing that is further away is looked for: 29 February on the fifth Sunday comes within 40 years.
    private static let horizon: Int64 = 60 * 366 * 86_400
    /// No zone has reached the year 10000 then, which no time is written with.
    private static let end = Timestamp.days(year: 9999, month: 12, day: 31) * 86_400

    public init(_ cron: CronExpression, clock: any ZoneClock, gap: GapRule = .shift, fold: FoldRule = .first) {
        self.cron = cron
        self.clock = clock
        self.gap = gap
        self.fold = fold
    }

    /// The next ones, ascending; fewer than asked for only when there are no more.
    public func next(_ count: Int, after time: Timestamp) -> [Timestamp] {
        var times: [Timestamp] = []
        while times.count < count, let next = next(after: times.last ?? time) { times.append(next) }
        return times
    }

    public func next(after time: Timestamp) -> Timestamp? {
        var from = time.milliseconds.quotient(flooredBy: 1_000) + 1
        let limit = min(from + FiringTimes.horizon, FiringTimes.end)
        while from < limit {
            let period = clock.period(at: from)
            if let second = first(in: period, from: from, limit: limit) {
                return Timestamp(milliseconds: second * 1_000)
            }
            from = period.end
        }
        return nil
    }

    private func first(in period: ZonePeriod, from: Int64, limit: Int64) -> Int64? {
        var start = from + period.offset
        var end = min(period.end, limit) + period.offset
        guard !cron.followsClock else { return cron.firstTime(from: start, before: end).map { $0 - period.offset } }
        if period.start != .min {
            let before = clock.period(at: period.start - 1)
            let change = period.start + before.offset
            if gap == .shift, from == period.start, cron.firstTime(from: change, before: start) != nil { return from }
            // What the clock showed before it was put back.
            if fold == .first, before.offset > period.offset { start = max(start, min(change, end)) }
        }
        if fold == .last, period.end < limit {
            let after = clock.period(at: period.end)
            if after.offset < period.offset { end = min(end, period.end + after.offset) }
        }
        return cron.firstTime(from: start, before: end).map { $0 - period.offset }
    }
}
