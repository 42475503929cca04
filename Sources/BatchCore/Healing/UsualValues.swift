/// What a number usually is: the median of the same hour of the week once three weeks are known, of all values before.
/// The spread is that of the median of distances, which no single wild value moves.
struct UsualValues: Sendable {
    private var values: [(at: Int64, value: Double)] = []
    private var smoothed = 0.0

    private static let week: Int64 = 604_800_000
    private static let hour: Int64 = 3_600_000
    /// Nothing is judged by fewer.
    private static let fewest = 30
    /// Weeks that count.
    private static let weeks: Int64 = 8
    /// How much the latest value weighs in the smoothed one.
    private static let weight = 0.3
    /// The median of distances is so much smaller than a standard deviation.
    private static let scale = 1.4826

    var isLearnt: Bool { values.count >= UsualValues.fewest }

    /// - Returns: how many times the usual spread a value is away, when that is too much.
    mutating func spike(_ value: Double, at time: Timestamp, _ rule: RuleDefinition) -> Double? {
        guard let usual = usual(at: time.milliseconds) else {
            keep(value, time)
            return nil
        }
        let distance = (value - usual.value) / usual.spread
        // A wild value must not become the usual one at once.
        let most = rule.threshold * usual.spread
        keep(min(max(value, usual.value - most), usual.value + most), time)
        return UsualValues.isBad(distance, rule) ? distance : nil
    }

    /// - Returns: how many times the usual spread the smoothed value is away, when that is too much.
    mutating func drift(_ value: Double, at time: Timestamp, _ rule: RuleDefinition) -> Double? {
        guard let usual = usual(at: time.milliseconds) else {
            keep(value, time)
            return nil
        }
        let distance = (value - usual.value) / usual.spread
        smoothed = UsualValues.weight * distance + (1 - UsualValues.weight) * smoothed
        let most = rule.threshold * usual.spread
        keep(min(max(value, usual.value - most), usual.value + most), time)
        return UsualValues.isBad(smoothed, rule) ? smoothed : nil
    }

    private static func isBad(_ distance: Double, _ rule: RuleDefinition) -> Bool {
        switch rule.side {
        case .high: distance > rule.threshold
        case .low: distance < -rule.threshold
        case .both: abs(distance) > rule.threshold
        }
    }

    private mutating func keep(_ value: Double, _ time: Timestamp) {
        values.append((time.milliseconds, value))
        let oldest = time.milliseconds - UsualValues.weeks * UsualValues.week
        if let first = values.first, first.at < oldest { values.removeAll { $0.at < oldest } }
    }

    private func usual(at now: Int64) -> (value: Double, spread: Double)? {
        guard isLearnt, let first = values.first else { return nil }
        let isWeekly = now - first.at >= 3 * UsualValues.week
        var hours: [Int64: [Double]] = [:]
        if isWeekly { for (at, value) in values { hours[UsualValues.hour(at), default: []].append(value) } }
        let own = hours[UsualValues.hour(now)] ?? []
        guard isWeekly, own.count >= 3 else { return UsualValues.usual(values.map(\.value)) }
        let middle = UsualValues.median(own)
        let distances = hours.values.flatMap(UsualValues.distances).map { $0 * abs(middle) }
        return (middle, UsualValues.spread(distances, around: middle))
    }

    /// How far each value is from the others of its hour, as a share of them: what is large varies more.
    private static func distances(_ values: [Double]) -> [Double] {
        guard values.count > 1 else { return [] }
        return values.indices.map { index in
            let others = median(Array(values[..<index] + values[(index + 1)...]))
            return abs(values[index] - others) / max(abs(others), 0.000_001)
        }
    }

    private static func usual(_ values: [Double]) -> (value: Double, spread: Double) {
        let middle = median(values)
        return (middle, spread(values.map { abs($0 - middle) }, around: middle))
    }

    /// Values that never differ have some spread too: one percent.
    private static func spread(_ distances: [Double], around middle: Double) -> Double {
        max(scale * median(distances), abs(middle) / 100, 0.000_001)
    }

    /// Of the week, from 0 to 167.
    private static func hour(_ at: Int64) -> Int64 { at / hour % 168 }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// `rules list`, `rules test` and `rules check`
public struct RuleReport: Report, Hashable {
    public let rules: [RuleDefinition]
    /// Nil when no stream was judged.
    public let fired: [RuleFiring]?
    public let learning: [String]
    public let events: Int

    public init(rules: [RuleDefinition], fired: [RuleFiring]? = nil, learning: [String] = [], events: Int = 0) {
        self.rules = rules
        self.fired = fired
        self.learning = learning
        self.events = events
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        guard let fired else { return [.init("rules", .array(rules.map(\.json)))] }
        return [
            .init("fired", .array(fired.map(\.json))), .init("learning", .array(learning.map(JSONValue.string))),
            .init("events", JSONValue(events)),
        ]
    }
}
