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

/// What `keep:` of a workspace keeps of everything that grows; the rest goes by itself after each run.
public struct KeepPolicy: Hashable, Sendable {
    public var bak = RetentionPolicy(last: 5, daily: 7, weekly: 4, monthly: 12)
    /// How long the undo log of a batch stays in the database: after that the batch is undone from git. Nil: for ever.
    public var undo: Duration? = .seconds(90 * 86_400)
    /// How long reports and logs of rollbacks stay. Nil: for ever.
    public var reports: Duration? = .seconds(400 * 86_400)

    public init() {}

}

/// What went, and what it freed.
public struct KeepReport: Hashable, Sendable {
    public var bakFiles = 0
    /// Batches whose undo log left the database.
    public var undoLogs = 0
    public var reports = 0
    /// Of files that went.
    public var fileBytes: Int64 = 0
    /// Of the undo log: room in the database that is used again.
    public var databaseBytes: Int64 = 0

    public init() {}

    public var isEmpty: Bool { bakFiles + undoLogs + reports == 0 }

    /// `3 .bak files, the undo logs of 2 batches`
    public var words: String {
        var parts: [String] = []
        if bakFiles > 0 { parts.append(bakFiles == 1 ? "1 .bak file" : "\(bakFiles) .bak files") }
        if undoLogs > 0 {
            parts.append(undoLogs == 1 ? "the undo log of 1 batch" : "the undo logs of \(undoLogs) batches")
        }
        if reports > 0 { parts.append(reports == 1 ? "1 report" : "\(reports) reports") }
        return parts.joined(separator: ", ")
    }

    public var json: JSONValue {
        [
            "bak_files": JSONValue(bakFiles), "undo_logs": JSONValue(undoLogs), "reports": JSONValue(reports),
            "file_bytes": .integer(fileBytes), "database_bytes": .integer(databaseBytes),
        ]
    }
}
