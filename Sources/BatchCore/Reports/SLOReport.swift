/// What a part of the service promises: how fast it answers, and how often it may fail.
public struct SLODefinition: Hashable, Sendable {
    public enum Surface: String, Hashable, Sendable, CaseIterable {
        /// What a browser asks for.
        case console
        /// Batches of jobs without a schedule, and what the application says with its signals.
        case tenantWork = "tenant_work"
        /// Calls with a token, and those of this machine.
        case api
    }

    public let surface: Surface
    /// Milliseconds that 95 of 100 do not exceed.
    public var p95: Double
    /// Percent that must go well.
    public var availability: Double
    /// Jobs of the queue that may wait.
    public var queue = 1_000

    public init(_ surface: Surface) {
        self.surface = surface
        (p95, availability) =
            switch surface {
            case .console: (2_000, 99.5)
            case .tenantWork: (1_500, 99.5)
            case .api: (500, 99.9)
            }
    }

    /// Of all, so many may fail.
    public var budget: Double { max(0.000_001, 1 - availability / 100) }
}

/// What was measured of a surface in a span of time.
public struct SLOWindow: Hashable, Sendable {
    /// Milliseconds up to now.
    public let span: Int64
    public private(set) var sum: SignalSum
    public private(set) var failed: Int64 = 0

    public init(span: Int64, sum: SignalSum = SignalSum(""), failed: Int64 = 0) {
        self.span = span
        self.sum = sum
        self.failed = failed
    }

    public mutating func add(milliseconds: Double, hasFailed: Bool) {
        sum.add(bucket: SignalSum.bucket(of: milliseconds), count: 1, sum: milliseconds)
        if hasFailed { failed += 1 }
    }

    public mutating func add(_ more: SignalSum) {
        for (bucket, count) in more.buckets.enumerated() where count > 0 {
            sum.add(bucket: bucket, count: count, sum: 0)
        }
    }

    public mutating func add(failed more: Int64) { failed += more }

    /// What failed without having been measured counts too.
    public var count: Int64 { max(sum.count, failed) }
    public var errorShare: Double { count == 0 ? 0 : Double(failed) / Double(count) }

    /// How much faster than allowed the budget is used up: 1 uses it up exactly at its end.
    public func burn(_ budget: Double) -> Double { errorShare / budget }

    var label: String { Duration.milliseconds(span).text }

    func json(_ budget: Double) -> JSONValue {
        [
            "window": .string(label), "count": .integer(count), "errors": .integer(failed),
            "error_percent": .number(errorShare * 100), "p95_ms": sum.quantile(0.95).map(JSONValue.number) ?? .null,
            "p99_ms": sum.quantile(0.99).map(JSONValue.number) ?? .null, "burn_rate": .number(burn(budget)),
        ]
    }
}

/// `metrics slo`
public struct SLOReport: Report, Hashable {
    public enum Level: String, Hashable, Sendable, Comparable {
        case ok, warning, critical

        private var rank: Int { self == .ok ? 0 : self == .warning ? 1 : 2 }
        public static func < (a: Level, b: Level) -> Bool { a.rank < b.rank }
    }

    public struct Entry: Hashable, Sendable {
        public let definition: SLODefinition
        /// The last hour, and the last six.
        public let windows: [SLOWindow]
        /// The last 30 days: what is left of the budget, from 1 to 0; below 0 it is overdrawn.
        public let budgetLeft: Double
        public let level: Level

        /// - Parameters:
        ///   - month: the time that the budget is for.
        ///   - isOverloaded: more waits than may.
        public init(_ definition: SLODefinition, windows: [SLOWindow], month: SLOWindow, isOverloaded: Bool) {
            self.definition = definition
            self.windows = windows
            budgetLeft = 1 - month.burn(definition.budget)
            level = Entry.level(definition, windows.first, isOverloaded: isOverloaded)
        }

        private static func level(_ definition: SLODefinition, _ window: SLOWindow?, isOverloaded: Bool) -> Level {
            if isOverloaded { return .critical }
            guard let window, window.count > 0 else { return .ok }
            let p95 = window.sum.count == 0 ? 0 : window.sum.quantile(0.95) ?? .infinity
            if p95 > 2 * definition.p95 || window.errorShare > 0.01 { return .critical }
            return p95 > 1.5 * definition.p95 || window.errorShare > 0.003 ? .warning : .ok
        }

        var json: JSONValue {
            [
                "surface": .string(definition.surface.rawValue), "level": .string(level.rawValue),
                "p95_target_ms": .number(definition.p95), "availability_target": .number(definition.availability),
                "budget_left": .number(budgetLeft), "windows": .array(windows.map { $0.json(definition.budget) }),
            ]
        }
    }

    /// A job that runs by a schedule: what counts is when it last went well.
    public struct Nightly: Hashable, Sendable {
        public let job: String
        /// Nil when it never did.
        public let lastSuccess: Timestamp?
        public let age: Int64?
        /// How old it may be, in milliseconds: from one firing to the next, and an hour.
        public let limit: Int64

        public init(job: String, lastSuccess: Timestamp?, limit: Int64, at now: Timestamp) {
            self.job = job
            self.lastSuccess = lastSuccess
            self.limit = limit
            age = lastSuccess.map { max(0, now.milliseconds - $0.milliseconds) }
        }

        /// What never went well may have had no chance yet.
        public var level: Level { age.map { $0 > limit ? .critical : .ok } ?? .warning }

        var json: JSONValue {
            [
                "job": .string(job), "level": .string(level.rawValue), "last_success": JSONValue(lastSuccess?.iso8601),
                "age_seconds": age.map { .integer($0 / 1_000) } ?? .null, "limit_seconds": .integer(limit / 1_000),
            ]
        }
    }

    /// How full things are.
    public struct Saturation: Hashable, Sendable {
        /// Jobs that wait, of those that may.
        public let queue: Int
        public let queueLimit: Int
        /// Of one minute, by processor.
        public let load: Double?
        /// Percent.
        public let memory: Double?
        public let diskFree: Double?

        public init(queue: Int, queueLimit: Int, load: Double?, memory: Double?, diskFree: Double?) {
            self.queue = queue
            self.queueLimit = queueLimit
            self.load = load
            self.memory = memory
            self.diskFree = diskFree
        }

        var json: JSONValue {
            [
                "queue": JSONValue(queue), "queue_limit": JSONValue(queueLimit),
                "load_per_cpu": load.map(JSONValue.number) ?? .null,
                "memory_percent": memory.map(JSONValue.number) ?? .null,
                "disk_free_percent": diskFree.map(JSONValue.number) ?? .null,
            ]
        }
    }

    public let at: Timestamp
    public let surfaces: [Entry]
    public let nightly: [Nightly]
    public let saturation: Saturation
    /// What was refused for security in the last hour.
    public let securityEvents: Int

    public init(
        at time: Timestamp, surfaces: [Entry], nightly: [Nightly], saturation: Saturation, securityEvents: Int
    ) {
        at = time
        self.surfaces = surfaces
        self.nightly = nightly
        self.saturation = saturation
        self.securityEvents = securityEvents
    }

    public var level: Level {
        max(securityEvents > 0 ? .critical : .ok, (surfaces.map(\.level) + nightly.map(\.level)).max() ?? .ok)
    }

    /// What is not well, each in a few words.
    public var problems: [String] {
        surfaces.filter { $0.level > .ok }.map { "\($0.definition.surface.rawValue) is \($0.level.rawValue)" }
            + nightly.filter { $0.level > .ok }.map {
                $0.age == nil ? "\($0.job) has never succeeded" : "\($0.job) has not succeeded in time"
            } + (securityEvents > 0 ? ["\(securityEvents) security refusals in the last hour"] : [])
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("at", .string(at.iso8601)), .init("level", .string(level.rawValue)),
            .init("surfaces", .array(surfaces.map(\.json))), .init("nightly", .array(nightly.map(\.json))),
            .init("saturation", saturation.json), .init("security_events", JSONValue(securityEvents)),
        ]
    }
}
