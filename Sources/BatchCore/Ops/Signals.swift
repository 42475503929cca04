/// A figure that the application says about itself, by a name that `batchmgr.yaml` declares.
public enum SignalKind: String, Hashable, Sendable, CaseIterable {
    /// Milliseconds.
    case latency
    /// How many.
    case error
    /// How much.
    case usage
}

/// Values of one signal in a span of time: sums alone are kept, by the minute.
public struct SignalSum: Hashable, Sendable {
    public let name: String
    public var count: Int64 = 0
    public var sum = 0.0
    /// How many values there are up to each of `bounds`, and above the last.
    public var buckets = [Int64](repeating: 0, count: SignalSum.bounds.count + 1)

    public static let bounds: [Double] = [
        1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 30_000, 60_000,
    ]

    public init(_ name: String) { self.name = name }

    public static func bucket(of value: Double) -> Int { bounds.firstIndex { value <= $0 } ?? bounds.count }

    public mutating func add(bucket: Int, count: Int64, sum: Double) {
        self.count += count
        self.sum += sum
        if buckets.indices.contains(bucket) { buckets[bucket] += count }
    }

    public var mean: Double { count == 0 ? 0 : sum / Double(count) }

    /// The bound that this part of the values does not exceed; nil when there is none, or it is above all bounds.
    public func quantile(_ part: Double) -> Double? {
        var left = Int64((Double(count) * part).rounded(.up))
        guard count > 0 else { return nil }
        for (bucket, bound) in zip(buckets, SignalSum.bounds) {
            left -= bucket
            if left <= 0 { return bound }
        }
        return nil
    }
}

/// Sums that wait in the ledger of a database, under a name by which they are taken over once.
public struct SignalHandover: Hashable, Sendable {
    public struct Sum: Hashable, Sendable {
        public let name: String
        /// Empty for none.
        public let tenant: String
        /// When it begins, in milliseconds since 1970.
        public let minute: Int64
        public let bucket: Int64
        public let count: Int64
        public let sum: Double

        public init(name: String, tenant: String, minute: Int64, bucket: Int64, count: Int64, sum: Double) {
            self.name = name
            self.tenant = tenant
            self.minute = minute
            self.bucket = bucket
            self.count = count
            self.sum = sum
        }
    }

    public let id: String
    public let sums: [Sum]

    public init(id: String, sums: [Sum]) {
        self.id = id
        self.sums = sums
    }
}

extension SignalSum {
    public static let values = 0.0...1e15

    /// What can be a value of a signal.
    public static func isValue(_ value: Double) -> Bool { values.contains(value) }
}

/// `signal list`
public struct SignalListReport: Report, Hashable {
    public struct Entry: Hashable, Sendable {
        public let kind: SignalKind
        public let sum: SignalSum

        public init(kind: SignalKind, sum: SignalSum) {
            self.kind = kind
            self.sum = sum
        }

        public var json: JSONValue {
            .object([
                .init("name", .string(sum.name)), .init("kind", .string(kind.rawValue)),
                .init("count", .integer(sum.count)), .init("sum", .number(sum.sum)), .init("mean", .number(sum.mean)),
                .init("p95", sum.quantile(0.95).map(JSONValue.number) ?? .null),
                .init("p99", sum.quantile(0.99).map(JSONValue.number) ?? .null),
            ])
        }
    }

    public let since: Timestamp
    /// By name; those that were never heard of have a count of 0.
    public let signals: [Entry]

    public init(since: Timestamp, signals: [Entry]) {
        self.since = since
        self.signals = signals
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("since", .string(since.iso8601)), .init("signals", .array(signals.map(\.json)))]
    }
}

/// `signal add -`
public struct SignalBulkReport: Report, Hashable {
    public let count: Int

    public init(count: Int) { self.count = count }

    public func members(_ call: CallOptions) -> [JSONValue.Member] { [.init("count", JSONValue(count))] }
}

/// `signal add`
public struct SignalReport: Report, Hashable {
    public let name: String
    public let kind: SignalKind
    public let value: Double

    public init(name: String, kind: SignalKind, value: Double) {
        self.name = name
        self.kind = kind
        self.value = value
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("signal", .string(name)), .init("kind", .string(kind.rawValue)), .init("value", .number(value))]
    }
}
