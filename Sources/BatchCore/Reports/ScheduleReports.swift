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
        ]
    }
}

/// `schedule list`
public struct ScheduleListReport: Report, Hashable {
    /// Each with its next firing.
    public let schedules: [ScheduleNextReport]

    public init(schedules: [ScheduleNextReport]) { self.schedules = schedules }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let entries = schedules.map { entry in
            JSONValue.object(
                entry.members(call).filter { $0.key != "times" }
                    + [.init("next", JSONValue(entry.times.first?.time.seconds))])
        }
        return [.init("schedules", .array(entries))]
    }
}
