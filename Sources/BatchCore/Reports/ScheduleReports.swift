/// `schedule next`, and what `catalog validate` shows of a schedule
public struct ScheduleNextReport: Report, Hashable {
    public struct Firing: Hashable, Sendable {
        public let time: Timestamp
        /// Seconds that the clocks of the zone are ahead of UTC.
        public let offset: Int64

        public init(time: Timestamp, offset: Int64) {
            self.time = time
            self.offset = offset
        }

        /// `2026-03-29 03:00:00 +02:00`
        public var local: String {
            let shown = Timestamp(milliseconds: time.milliseconds + offset * 1_000).seconds
            let minutes = abs(offset) / 60
            func pad(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
            let sign = offset < 0 ? "-" : "+"
            return shown.dropLast().replacing("T", with: " ") + " \(sign)\(pad(minutes / 60)):\(pad(minutes % 60))"
        }
    }

    /// Nil for an expression of the command line.
    public let job: String?
    public let schedule: ScheduleDefinition
    public let times: [Firing]

    public init(job: String?, schedule: ScheduleDefinition, times: [Firing]) {
        self.job = job
        self.schedule = schedule
        self.times = times
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        (job.map { [.init("job", .string($0))] } ?? []) + [
            .init("cron", .string(schedule.cron)), .init("timezone", .string(schedule.timezone)),
            .init("times", .array(times.map { .string($0.time.seconds) })),
            .init("local", .array(times.map { .string($0.local) })),
        ]
    }
}

/// `schedule list`
public struct ScheduleListReport: Report, Hashable {
    public struct Entry: Hashable, Sendable {
        public let name: String
        /// With its next firing.
        public let preview: ScheduleNextReport
        /// By whom and why it does not fire now; nil when it does.
        public let pause: String?
        public let latest: Firing?

        public init(name: String, preview: ScheduleNextReport, pause: String? = nil, latest: Firing? = nil) {
            self.name = name
            self.preview = preview
            self.pause = pause
            self.latest = latest
        }
    }

    public let schedules: [Entry]

    public init(schedules: [Entry]) { self.schedules = schedules }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let entries = schedules.map { entry in
            JSONValue.object(
                [.init("name", .string(entry.name))]
                    + entry.preview.members(call).filter { $0.key != "times" && $0.key != "local" } + [
                        .init("next", JSONValue(entry.pause == nil ? entry.preview.times.first?.time.seconds : nil)),
                        .init("paused", JSONValue(entry.pause)), .init("latest", entry.latest?.json ?? .null),
                    ])
        }
        return [.init("schedules", .array(entries))]
    }
}

/// `schedule history`
public struct ScheduleHistoryReport: Report, Hashable {
    /// The latest first.
    public let firings: [Firing]

    public init(firings: [Firing]) { self.firings = firings }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("firings", .array(firings.map(\.json)))]
    }
}

extension Firing {
    var json: JSONValue {
        [
            "schedule": .string(schedule), "time": .string(instant.iso8601), "cause": .string(cause.rawValue),
            "outcome": .string(outcome.rawValue), "reason": JSONValue(reason), "count": JSONValue(count),
            "job": job.map { .integer($0) } ?? .null, "decided_at": .string(decidedAt.iso8601),
        ]
    }
}

/// What the verbs answer that do something to a schedule
public struct ScheduleChangeReport: Report, Hashable {
    public enum Change: String, Hashable, Sendable {
        case added, removed, paused, resumed, triggered, backfilled
    }

    public let change: Change
    public let name: String
    /// Its next firings, where it has some.
    public let next: ScheduleNextReport?
    /// What was queued.
    public let jobs: [Int64]
    /// How many firings there are to make up for, where none was queued.
    public let missing: Int?
    public let isDryRun: Bool

    public init(
        _ change: Change, name: String, next: ScheduleNextReport?, jobs: [Int64] = [], missing: Int? = nil,
        isDryRun: Bool = false
    ) {
        self.missing = missing
        self.isDryRun = isDryRun
        self.change = change
        self.name = name
        self.next = next
        self.jobs = jobs
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("schedule", .string(name)), .init("change", .string(change.rawValue))]
            + (next?.members(call) ?? [])
            + (isDryRun ? [.init("dry_run", true)] : [])
            + (missing.map { [.init("missing", JSONValue($0))] } ?? [])
            + JSONValue.Member.only("jobs", .array(jobs.map { .integer($0) }))
    }
}
