/// `metrics report`: what the batches of a span of time say in figures.
public struct MetricsReport: Report, Hashable {
    /// Times of batches in seconds.
    public struct Times: Hashable, Sendable {
        /// In ascending order.
        private let values: [Double]

        public init(_ values: [Double]) { self.values = values.sorted() }

        public var count: Int { values.count }
        public var least: Double { values.first ?? 0 }
        public var most: Double { values.last ?? 0 }
        public var mean: Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }
        public var median: Double { quantile(0.5) }
        public var p95: Double { quantile(0.95) }

        /// The least value that this part of them does not exceed.
        public func quantile(_ part: Double) -> Double {
            if values.isEmpty { return 0 }
            return values[max(0, Int((Double(values.count) * part).rounded(.up)) - 1)]
        }

        var json: JSONValue {
            .object(
                [("min", least), ("median", median), ("mean", mean), ("p95", p95), ("max", most)].map {
                    .init($0.0, .number($0.1))
                })
        }
    }

    public struct Job: Hashable, Sendable {
        public let database: String
        public let job: String
        /// How many batches, by status.
        public let statuses: [String: Int]
        /// How many failed, by the class of the error.
        public let errors: [String: Int]
        public let rollbacks: Int
        public let times: Times
        /// Batches that began on each day, the first one first.
        public let days: [Int]

        public init(
            database: String, job: String, statuses: [String: Int], errors: [String: Int], rollbacks: Int,
            times: Times, days: [Int]
        ) {
            self.database = database
            self.job = job
            self.statuses = statuses
            self.errors = errors
            self.rollbacks = rollbacks
            self.times = times
            self.days = days
        }

        public var count: Int { statuses.values.reduce(0, +) }
        /// Of 100 batches, so many failed.
        public var errorRate: Double { count == 0 ? 0 : 100 * Double(statuses["failed"] ?? 0) / Double(count) }

        var json: JSONValue {
            .object([
                .init("database", .string(database)), .init("job", .string(job)), .init("batches", JSONValue(count)),
                .init("statuses", MetricsReport.counts(statuses)), .init("errors", MetricsReport.counts(errors)),
                .init("error_percent", .number(errorRate)), .init("rollbacks", JSONValue(rollbacks)),
                .init("seconds", times.json), .init("days", .array(days.map { JSONValue($0) })),
            ])
        }
    }

    public let since: Timestamp
    public let until: Timestamp
    /// By database and name.
    public let jobs: [Job]
    public let signals: [SignalListReport.Entry]
    /// Incidents that were opened, by severity.
    public let alerts: [String: Int]
    /// Bytes of the log that are kept.
    public let logBytes: Int64

    public init(
        since: Timestamp, until: Timestamp, jobs: [Job], signals: [SignalListReport.Entry], alerts: [String: Int],
        logBytes: Int64
    ) {
        self.since = since
        self.until = until
        self.jobs = jobs
        self.signals = signals
        self.alerts = alerts
        self.logBytes = logBytes
    }

    private static func counts(_ values: [String: Int]) -> JSONValue {
        .object(values.sorted { $0.key < $1.key }.map { .init($0.key, JSONValue($0.value)) })
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("since", .string(since.iso8601)), .init("until", .string(until.iso8601)),
            .init("jobs", .array(jobs.map(\.json))), .init("signals", .array(signals.map(\.json))),
            .init("alerts", MetricsReport.counts(alerts)), .init("log_bytes", .integer(logBytes)),
        ]
    }
}
