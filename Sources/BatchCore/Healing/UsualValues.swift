/// What a number usually is. Once three weeks are known it is the median of the same hour of the week. Before, it is
/// whatever has been seen: work by day and rest by night are both usual, and their common median would be neither. All
/// figures are medians: no single wild value moves them.
struct UsualValues: Sendable {
    private struct Entry {
        let at: Int64
        let value: Double
        /// The change since the value before, as a share of that.
        let step: Double?
    }

    /// One hour of the week.
    private struct Hour {
        var values: [Double] = []
        var middle = 0.0
        /// How far its values usually are from each other, as a share of them; nil for a single one.
        var spread: Double?

        mutating func refresh() {
            middle = UsualValues.median(values.sorted())
            let distances = values.count > 1 ? values.indices.map(distance) : []
            spread = distances.isEmpty ? nil : UsualValues.median(distances.sorted())
        }

        private func distance(_ index: Int) -> Double {
            let others = UsualValues.median((values[..<index] + values[(index + 1)...]).sorted())
            return abs(values[index] - others) / max(abs(others), UsualValues.least)
        }
    }

    /// By time.
    private var entries: [Entry] = []
    /// Their values and steps, by size.
    private var sorted: [Double] = []
    private var steps: [Double] = []
    private var hours: [Int64: Hour] = [:]
    private var smoothed = 0.0

    private static let week: Int64 = 604_800_000
    private static let hour: Int64 = 3_600_000
    /// Nothing is judged by fewer.
    private static let fewest = 30
    /// Weeks after which an hour of the week is compared with itself, and weeks that count.
    private static let learning: Int64 = 3
    private static let weeks: Int64 = 8
    /// How much the latest value weighs in the smoothed one.
    private static let weight = 0.3
    /// A single value is smoothed as at most so many times the threshold: it is over when it is over.
    private static let most = 5.0
    /// The median of distances is so much smaller than a standard deviation.
    private static let scale = 1.4826
    private static let least = 0.000_001

    /// The hours of a week are known.
    var isLearnt: Bool {
        guard let first = entries.first, let last = entries.last else { return false }
        return last.at - first.at >= UsualValues.learning * UsualValues.week - UsualValues.hour
    }

    /// - Returns: how many times the usual spread a value is away, when that is too much.
    mutating func spike(_ value: Double, at time: Timestamp, _ rule: RuleDefinition) -> Double? {
        let distance = distance(of: value, at: time.milliseconds)
        keep(value, time.milliseconds)
        guard let distance, UsualValues.isBad(distance, rule) else { return nil }
        return distance
    }

    /// - Returns: how many times the usual spread the smoothed value is away, when that is too much.
    mutating func drift(_ value: Double, at time: Timestamp, _ rule: RuleDefinition) -> Double? {
        let distance = distance(of: value, at: time.milliseconds)
        keep(value, time.milliseconds)
        guard let distance else { return nil }
        let most = UsualValues.most * rule.threshold
        smoothed = UsualValues.weight * min(max(distance, -most), most) + (1 - UsualValues.weight) * smoothed
        return UsualValues.isBad(smoothed, rule) ? smoothed : nil
    }

    private static func isBad(_ distance: Double, _ rule: RuleDefinition) -> Bool {
        switch rule.side {
        case .high: distance > rule.threshold
        case .low: distance < -rule.threshold
        case .both: abs(distance) > rule.threshold
        }
    }

    // MARK: Distance

    /// In usual spreads; nil while too little is known.
    private func distance(of value: Double, at now: Int64) -> Double? {
        guard value.isFinite, entries.count >= UsualValues.fewest, let first = entries.first else { return nil }
        let own = hours[UsualValues.hour(now)]
        if let own, own.values.count >= 3, now - first.at >= UsualValues.learning * UsualValues.week {
            return (value - own.middle) / spread(around: own.middle)
        }
        return distanceFromAll(value)
    }

    /// What is small varies more for its size than what is large, and in another way by night than by day: hours are
    /// compared with those of a similar level. Where nothing ever varies there is some spread too.
    private func spread(around middle: Double) -> Double {
        let known = hours.values
        let level = known.reduce(0) { $0 + abs($1.middle) } / Double(max(known.count, 1))
        let similar = known.filter { abs(middle) / 2 <= abs($0.middle) && abs($0.middle) <= abs(middle) * 2 }
        let share = UsualValues.median(similar.compactMap(\.spread).sorted())
        return max(UsualValues.scale * share * abs(middle), abs(middle) / 100, level / 50, UsualValues.least)
    }

    /// Far from the median, and from all that was seen: the outermost hundredth on each side does not count.
    private func distanceFromAll(_ value: Double) -> Double {
        let outermost = sorted.count / 100
        let (low, high) = (sorted[outermost], sorted[sorted.count - 1 - outermost])
        guard value < low || value > high else { return 0 }
        let middle = UsualValues.median(sorted)
        let deviation = UsualValues.scale * UsualValues.median(sorted.map { abs($0 - middle) }.sorted())
        let edge = value > high ? high : low
        let step = UsualValues.scale * UsualValues.median(steps) * abs(edge)
        let fromMiddle = (value - middle) / max(deviation, abs(middle) / 100, UsualValues.least)
        let fromEdge = 2 * (value - edge) / max(step, abs(edge) / 100, UsualValues.least)
        return abs(fromMiddle) < abs(fromEdge) ? fromMiddle : fromEdge
    }

    // MARK: Memory

    private mutating func keep(_ value: Double, _ now: Int64) {
        guard value.isFinite else { return }
        let step = entries.last.map { abs(value - $0.value) / max(abs($0.value), UsualValues.least) }
        entries.append(Entry(at: now, value: value, step: step))
        sorted.insert(value, at: UsualValues.place(of: value, in: sorted))
        if let step { steps.insert(step, at: UsualValues.place(of: step, in: steps)) }
        change(now) { $0.append(value) }
        let oldest = now - UsualValues.weeks * UsualValues.week
        while let first = entries.first, first.at < oldest {
            entries.removeFirst()
            sorted.remove(at: UsualValues.place(of: first.value, in: sorted))
            if let step = first.step { steps.remove(at: UsualValues.place(of: step, in: steps)) }
            change(first.at) { $0.removeFirst() }
        }
    }

    private mutating func change(_ time: Int64, _ body: (inout [Double]) -> Void) {
        let name = UsualValues.hour(time)
        var hour = hours[name] ?? Hour()
        body(&hour.values)
        hour.refresh()
        hours[name] = hour.values.isEmpty ? nil : hour
    }

    /// Of the week, from 0 to 167.
    private static func hour(_ at: Int64) -> Int64 { at / hour % 168 }

    /// The first that is not smaller.
    private static func place(of value: Double, in sorted: [Double]) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func median(_ sorted: [Double]) -> Double {
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
