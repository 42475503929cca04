/// What has become of one instant of a schedule.
public enum FiringOutcome: String, Hashable, Sendable, CaseIterable {
    /// Its job was queued, in the same transaction.
    case queued
    /// It waits for the schedules that it needs.
    case waiting
    /// Nobody was there at its time, and nobody made up for it.
    case missed
    /// A rule of the schedule says so.
    case skipped
}

/// Why there was a firing.
public enum FiringCause: String, Hashable, Sendable {
    case clock
    /// `schedule trigger`
    case trigger
    /// `schedule backfill`
    case backfill
}

/// A firing as `control.db` keeps it: there is one for a schedule and an instant, and never a second.
public struct Firing: Hashable, Sendable {
    public let schedule: String
    public let instant: Timestamp
    public let cause: FiringCause
    public let outcome: FiringOutcome
    public let reason: String?
    /// Of missed ones that were noted together: how many, `instant` being the first.
    public let count: Int
    /// The job in the queue.
    public let job: Int64?
    public let decidedAt: Timestamp

    public init(
        schedule: String, instant: Timestamp, cause: FiringCause, outcome: FiringOutcome, reason: String?, count: Int,
        job: Int64?, decidedAt: Timestamp
    ) {
        self.schedule = schedule
        self.instant = instant
        self.cause = cause
        self.outcome = outcome
        self.reason = reason
        self.count = count
        self.job = job
        self.decidedAt = decidedAt
    }
}

/// A firing that is about to be written.
public struct PlannedFiring: Hashable, Sendable {
    public enum Decision: Hashable, Sendable {
        /// Not before this time.
        case queue(runAt: Timestamp)
        /// What it needs must be done until then.
        case wait(until: Timestamp)
        case missed(count: Int)
        case skipped(reason: String)
    }

    public let instant: Timestamp
    public let decision: Decision

    public init(instant: Timestamp, decision: Decision) {
        self.instant = instant
        self.decision = decision
    }
}

/// A schedule, ready to be asked what is due.
public struct ScheduleRule: Sendable {
    public let name: String
    public let definition: ScheduleDefinition
    private let times: FiringTimes
    private let clock: any ZoneClock

    /// Whoever comes so many milliseconds late is on time: it takes a moment to look at all schedules.
    public static let grace: Int64 = 60_000
    /// Missed ones are counted no further.
    private static let countLimit = 10_000

    public init(_ name: String, _ definition: ScheduleDefinition, times: FiringTimes, clock: any ZoneClock) {
        self.name = name
        self.definition = definition
        self.times = times
        self.clock = clock
    }

    public func next(after time: Timestamp) -> Timestamp? { times.next(after: time) }

    public func next(_ count: Int, after time: Timestamp) -> [Timestamp] { times.next(count, after: time) }

    /// The next ones that no blackout date takes away.
    public func firings(_ count: Int, after time: Timestamp) -> [Timestamp] {
        var (found, next) = ([Timestamp](), times.next(after: time))
        var looked = 0
        while let instant = next, found.count < count, looked < ScheduleRule.mostLooked {
            looked += 1
            guard let span = blackout(on: instant) else {
                found.append(instant)
                next = times.next(after: instant)
                continue
            }
            // No zone has reached the next day then.
            let end = Timestamp(iso8601: "\(span.last)T10:00:00.000Z") ?? instant
            next = times.next(after: max(instant, end))
        }
        return found
    }

    private static let mostLooked = 1_000_000

    private func blackout(on instant: Timestamp) -> DateSpan? {
        if definition.blackout.isEmpty { return nil }
        let date = date(of: instant)
        return definition.blackout.first { $0.contains(date) }
    }

    /// What becomes of the instants after `seen`, up to `now`.
    public func decide(after seen: Timestamp, until now: Timestamp) -> [PlannedFiring] {
        guard let first = times.next(after: seen), first <= now else { return [] }
        let onTime = Timestamp(milliseconds: max(seen.milliseconds, now.milliseconds - ScheduleRule.grace))
        var firing = latest(.max, after: onTime, until: now)
        let lateLimit =
            switch definition.catchUp {
            case .none: 0
            case .latest: firing.isEmpty ? 1 : 0
            case .all: max(0, definition.catchUpLimit - firing.count)
            }
        firing = latest(lateLimit, after: seen, until: onTime) + firing
        var planned: [PlannedFiring] = []
        if firing.first != first {
            let end = firing.first ?? Timestamp(milliseconds: now.milliseconds + 1)
            planned.append(PlannedFiring(instant: first, decision: .missed(count: count(from: first, before: end))))
        }
        return planned + firing.map { PlannedFiring(instant: $0, decision: decision($0, now)) }
    }

    private func decision(_ instant: Timestamp, _ now: Timestamp) -> PlannedFiring.Decision {
        if let span = blackout(on: instant) {
            let date = date(of: instant)
            return .skipped(
                reason: "\(date) is a blackout date\(span.text == date ? "" : " (\(span.text))")")
        }
        if !definition.needs.isEmpty {
            let within = definition.within.wholeMilliseconds
            return .wait(until: Timestamp(milliseconds: instant.milliseconds + within))
        }
        return .queue(runAt: runAt(instant, now))
    }

    /// As the clocks of its zone show it: `2026-11-21`.
    public func date(of instant: Timestamp) -> String { String(local(instant).iso8601.prefix(10)) }

    /// When the job of a firing may begin: with its jitter, in the window of the day.
    public func runAt(_ instant: Timestamp, _ now: Timestamp) -> Timestamp {
        let earliest = max(now, Timestamp(milliseconds: instant.milliseconds + jitter(instant)))
        guard let window = definition.window else { return earliest }
        let shown = local(earliest).milliseconds.quotient(flooredBy: 1_000)
        let day = shown.quotient(flooredBy: 86_400)
        guard !window.contains(second: shown - day * 86_400) else { return earliest }
        let opening = day * 86_400 + Int64(window.start) * 60
        let wanted = opening > shown ? opening : opening + 86_400
        // The clocks may be changed in between.
        let offset = clock.period(at: wanted - clock.period(at: wanted).offset).offset
        return max(earliest, Timestamp(milliseconds: (wanted - offset) * 1_000))
    }

    /// The same for each schedule and instant, on whatever machine (FNV-1a).
    private func jitter(_ instant: Timestamp) -> Int64 {
        guard let span = definition.jitter?.wholeMilliseconds, span > 0 else { return 0 }
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in "\(name)@\(instant.milliseconds)".utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
        return Int64((hash ^ (hash >> 33)) % UInt64(span))
    }

    private func local(_ time: Timestamp) -> Timestamp {
        let offset = clock.period(at: time.milliseconds.quotient(flooredBy: 1_000)).offset
        return Timestamp(milliseconds: time.milliseconds + offset * 1_000)
    }

    /// The last ones of a span, however long that is.
    private func latest(_ most: Int, after start: Timestamp, until end: Timestamp) -> [Timestamp] {
        guard most > 0, start < end else { return [] }
        var reach: Int64 = 60_000
        while true {
            let from = Timestamp(milliseconds: max(start.milliseconds, end.milliseconds - reach))
            var found: [Timestamp] = []
            var next = times.next(after: from)
            while let time = next, time <= end {
                found.append(time)
                next = times.next(after: time)
            }
            if found.count >= most || from == start { return Array(found.suffix(most)) }
            reach *= 2
        }
    }

    private func count(from first: Timestamp, before end: Timestamp) -> Int {
        var (count, next) = (0, Optional(first))
        while let time = next, time < end, count < ScheduleRule.countLimit {
            count += 1
            next = times.next(after: time)
        }
        return count
    }
}
