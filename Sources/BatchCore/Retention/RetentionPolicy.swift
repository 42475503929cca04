/// Which restore points keep their `.bak`.
public struct RetentionPolicy: Hashable, Sendable {
    /// How many of the newest points.
    public var last = 0
    /// Of so many days, weeks (from Monday) and months that have points, the newest point each; in UTC.
    public var daily = 0
    public var weekly = 0
    public var monthly = 0
    /// Names of batches, jobs or tags; `*` at the end stands for anything.
    public var tags: [String] = []
    /// Every point that is younger.
    public var within: Duration?

    public init(last: Int = 0, daily: Int = 0, weekly: Int = 0, monthly: Int = 0, tags: [String] = []) {
        self.last = last
        self.daily = daily
        self.weekly = weekly
        self.monthly = monthly
        self.tags = tags
    }

    public static let everything = RetentionPolicy(last: .max)

    /// A point, as far as the decision needs it.
    public struct Point: Hashable, Sendable {
        public let time: Timestamp
        /// Its batch, the job, and tags that point to it.
        public let names: Set<String>

        public init(time: Timestamp, names: Set<String>) {
            self.time = time
            self.names = names
        }
    }

    /// Why each point is kept; no reason: it is not.
    /// - Parameter points: the oldest first.
    /// - Parameter now: for `within`.
    public func reasons(for points: [Point], at now: Timestamp? = nil) -> [[String]] {
        var reasons = [[String]](repeating: [], count: points.count)
        for index in points.indices.suffix(max(1, last)) {
            let isNewest = index == points.count - 1
            reasons[index].append(
                self == .everything ? "not asked for" : isNewest ? "the newest" : "one of the last \(last)")
        }
        if let within, let now {
            for (index, point) in points.enumerated()
            where point.time.milliseconds > now.milliseconds - within.wholeMilliseconds {
                reasons[index].append("of the last \(within.text)")
            }
        }
        keepNewest(of: daily, "day", points, &reasons) { $0.iso8601.prefix(10).description }
        // 1970-01-01 was a Thursday.
        keepNewest(of: weekly, "week", points, &reasons) { "\(($0.milliseconds / 86_400_000 + 3) / 7)" }
        keepNewest(of: monthly, "month", points, &reasons) { $0.iso8601.prefix(7).description }
        for (index, point) in points.enumerated() {
            if let tag = tags.first(where: { tag in point.names.contains { RetentionPolicy.fits($0, tag) } }) {
                reasons[index].append("named by --keep-tag \(tag)")
            }
        }
        return reasons
    }

    private static func fits(_ name: String, _ tag: String) -> Bool {
        tag.hasSuffix("*") ? name.hasPrefix(tag.dropLast()) : name == tag
    }

    private func keepNewest(
        of count: Int, _ word: String, _ points: [Point], _ reasons: inout [[String]], _ period: (Timestamp) -> String
    ) {
        var seen: Set<String> = []
        for (index, point) in points.enumerated().reversed() where seen.count < count {
            if seen.insert(period(point.time)).inserted { reasons[index].append("the newest of its \(word)") }
        }
    }
}
