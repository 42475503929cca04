/// When a job runs by itself, as it was declared.
public struct ScheduleDefinition: Hashable, Sendable {
    /// Five or six fields, or a word like `@daily`.
    public var cron: String
    /// A name of the time zone database, e.g. `Europe/Paris`.
    public var timezone: String
    public var gap: GapRule
    public var fold: FoldRule
    public var catchUp = CatchUpRule.latest
    /// How many firings `catch_up: all` makes up for at most; the latest ones.
    public var catchUpLimit = 100
    public var overlap = OverlapRule.skip
    /// Each firing is put off by a part of it: always the same for one schedule and instant.
    public var jitter: Duration?
    /// The only time of the day at which the job may begin; a firing outside of it waits for the next one.
    public var window: DayWindow?
    /// Days without a firing, by the clocks of the zone.
    public var blackout: [DateSpan] = []
    /// Schedules whose jobs must have been done, each not longer ago than `within` before the firing.
    public var needs: [String] = []
    public var within = Duration.seconds(86_400)
    public var tenant: String?
    /// Parameters of the job: `NAME=VALUE`.
    public var assignments: [String] = []

    public init(cron: String, timezone: String = "UTC", gap: GapRule = .shift, fold: FoldRule = .first) {
        self.cron = cron
        self.timezone = timezone
        self.gap = gap
        self.fold = fold
    }
}

/// What becomes of firings for whose time nobody was there.
public enum CatchUpRule: String, Hashable, Sendable, CaseIterable {
    case none
    /// The last of them fires late.
    case latest
    /// All of them do, up to a limit.
    case all
}

/// What becomes of a firing while the job of an earlier one is not done.
public enum OverlapRule: String, Hashable, Sendable, CaseIterable {
    /// It does not happen.
    case skip
    /// Its job is queued as well.
    case queue
    /// The earlier job is cancelled.
    case cancel
}

/// A part of each day, by the clocks of a zone: `22:00-06:00`.
public struct DayWindow: Hashable, Sendable {
    /// Minutes since midnight; the end is not in it, and may be on the next day.
    public let start: Int
    public let end: Int

    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(DayWindow.minute)
        guard parts.count == 2, let start = parts[0], let end = parts[1], start != end, start < 1_440 else {
            return nil
        }
        self.start = start
        self.end = end
    }

    private static func minute(_ text: Substring) -> Int? {
        let bytes = Array(text.utf8)
        let places = [0, 1, 3, 4]
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"), places.allSatisfy({ (48...57).contains(bytes[$0]) })
        else { return nil }
        let digits = places.map { Int(bytes[$0]) - 48 }
        let (hour, minute) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3])
        return minute < 60 && hour * 60 + minute <= 1_440 ? hour * 60 + minute : nil
    }

    public var text: String { "\(DayWindow.shown(start))-\(DayWindow.shown(end))" }

    private static func shown(_ minute: Int) -> String {
        func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(pad(minute / 60)):\(pad(minute % 60))"
    }

    /// - Parameter second: of the day.
    public func contains(second: Int64) -> Bool {
        let (from, to) = (Int64(start) * 60, Int64(end) * 60)
        return from < to ? (from..<to).contains(second) : second >= from || second < to
    }
}

/// Days: `2026-12-24`, or `2026-12-24..2027-01-01` with both of them.
public struct DateSpan: Hashable, Sendable {
    public let first: String
    public let last: String

    public init?(_ text: String) {
        let range = text.firstRange(of: "..")
        let first = range.map { String(text[..<$0.lowerBound]) } ?? text
        let last = range.map { String(text[$0.upperBound...]) } ?? text
        guard DateSpan.isDate(first), DateSpan.isDate(last), first <= last else { return nil }
        self.first = first
        self.last = last
    }

    private static func isDate(_ text: String) -> Bool {
        guard text.utf8.count == 10, let time = Timestamp(iso8601: text + "T00:00:00.000Z") else { return false }
        return time.iso8601.hasPrefix(text)
    }

    public var text: String { first == last ? first : "\(first)..\(last)" }

    func contains(_ date: String) -> Bool { first <= date && date <= last }
}

extension ScheduleDefinition {
    /// As `control.db` keeps it, under the keys of a job file.
    public var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("cron", .string(cron)), .init("timezone", .string(timezone)), .init("gap", .string(gap.rawValue)),
            .init("fold", .string(fold.rawValue)), .init("catch_up", .string(catchUp.rawValue)),
            .init("catch_up_limit", JSONValue(catchUpLimit)), .init("overlap", .string(overlap.rawValue)),
        ]
        if let jitter { members.append(.init("jitter", .string(jitter.text))) }
        if let window { members.append(.init("window", .string(window.text))) }
        func list(_ key: String, _ texts: [String]) {
            if !texts.isEmpty { members.append(.init(key, .array(texts.map { .string($0) }))) }
        }
        list("blackout", blackout.map(\.text))
        list("needs", needs)
        if !needs.isEmpty { members.append(.init("within", .string(within.text))) }
        if let tenant { members.append(.init("tenant", .string(tenant))) }
        list("set", assignments)
        return .object(members)
    }

    /// Nil when it is not one that this program can read.
    public init?(_ json: JSONValue) {
        guard let cron = json["cron"]?.string, let timezone = json["timezone"]?.string,
            let gap = json["gap"]?.string.flatMap(GapRule.init), let fold = json["fold"]?.string.flatMap(FoldRule.init),
            let catchUp = json["catch_up"]?.string.flatMap(CatchUpRule.init),
            let overlap = json["overlap"]?.string.flatMap(OverlapRule.init)
        else { return nil }
        self.init(cron: cron, timezone: timezone, gap: gap, fold: fold)
        self.catchUp = catchUp
        self.overlap = overlap
        catchUpLimit = json["catch_up_limit"]?.integer.map { Int($0) } ?? catchUpLimit
        jitter = json["jitter"]?.string.flatMap { Duration(text: $0) }
        window = json["window"]?.string.flatMap(DayWindow.init)
        func list(_ key: String) -> [String] { json[key]?.array?.compactMap(\.string) ?? [] }
        blackout = list("blackout").compactMap(DateSpan.init)
        needs = list("needs")
        within = json["within"]?.string.flatMap { Duration(text: $0) } ?? within
        tenant = json["tenant"]?.string
        assignments = list("set")
    }
}
