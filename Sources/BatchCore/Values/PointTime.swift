/// A moment as a person names it, to find the restore point of that moment: `2026-11-26T14:00`, `yesterday 18:00`,
/// `18:00`, `2h ago`.
///
/// Without a zone it is a time of the local clock; a day alone means its end.
public struct PointTime: Hashable, Sendable {
    private enum Day: Hashable {
        case date(year: Int, month: Int, day: Int)
        /// Before today.
        case earlier(days: Int)
        /// Before now.
        case ago(milliseconds: Int64)
    }

    /// As it was typed.
    public let text: String
    private let day: Day
    /// Since midnight; nil for the end of the day.
    private var seconds: Int?
    private var milliseconds = 0
    /// Minutes east of Greenwich; nil for the local clock.
    private var offset: Int?

    /// Whether this is meant to be a time, right or wrong: nothing else that names a point looks like it.
    static func isMeant(by text: String) -> Bool {
        let lower = text.lowercased()
        let bytes = Array(lower.utf8)
        let isDate = bytes.count > 4 && bytes[4] == UInt8(ascii: "-") && bytes.prefix(4).allSatisfy(isDigit)
        return isDate || ["today", "yesterday"].contains { lower == $0 || lower.hasPrefix($0 + " ") }
            || lower.hasSuffix(" ago") || (lower.contains(":") && bytes.first.map(isDigit) == true)
    }

    /// Nil when the text is no time.
    public init?(_ text: String) {
        self.text = text
        var rest = text.lowercased()[...]
        if rest.hasSuffix(" ago") {
            guard let span = Duration(text: String(rest.dropLast(4))) else { return nil }
            day = .ago(milliseconds: span.wholeMilliseconds)
            return
        }
        if let word = ["today", "yesterday"].first(where: { rest.hasPrefix($0) }) {
            day = .earlier(days: word == "today" ? 0 : 1)
            rest = rest.dropFirst(word.count)
            guard rest.isEmpty || rest.first == " " else { return nil }
            rest = rest.drop { $0 == " " }
        } else if rest.count > 4, CalendarDate.isValid(String(rest.prefix(10))) {
            let parts = rest.prefix(10).split(separator: "-").compactMap { Int($0) }
            day = .date(year: parts[0], month: parts[1], day: parts[2])
            rest = rest.dropFirst(10)
            if let divider = rest.first {
                guard divider == "t" || divider == " " else { return nil }
                rest = rest.dropFirst()
                guard !rest.isEmpty else { return nil }
            }
        } else {
            guard !rest.isEmpty, rest.contains(":") else { return nil }
            day = .earlier(days: 0)
        }
        guard rest.isEmpty || readClock(rest) else { return nil }
    }

    /// `14:00`, `14:00:30.250`, and a zone after it.
    private mutating func readClock(_ text: Substring) -> Bool {
        let time = text.prefix { PointTime.isDigit($0.utf8.first ?? 0) || $0 == ":" || $0 == "." }
        let parts = time.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts[0].utf8.count <= 2, let hour = Int(parts[0]), hour < 24,
            parts[1].utf8.count == 2, let minute = Int(parts[1]), minute < 60
        else { return false }
        seconds = hour * 3_600 + minute * 60
        guard parts.count == 2 || readSecond(parts[2]) else { return false }
        return readZone(text.dropFirst(time.count).drop { $0 == " " })
    }

    /// `30`, `30.250`
    private mutating func readSecond(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts[0].utf8.count == 2, let second = Int(parts[0]), second < 60 else { return false }
        seconds = (seconds ?? 0) + second
        guard parts.count == 2 else { return true }
        guard (1...3).contains(parts[1].utf8.count), let part = Int(parts[1]) else { return false }
        milliseconds = part * [100, 10, 1][parts[1].utf8.count - 1]
        return true
    }

    /// `Z`, `UTC`, `+01:00`, `-0500`; nothing for the local clock.
    private mutating func readZone(_ text: Substring) -> Bool {
        if text.isEmpty { return true }
        if text == "z" || text == "utc" {
            offset = 0
            return true
        }
        let digits = text.dropFirst().filter { $0 != ":" }
        guard let sign = text.first, sign == "+" || sign == "-", digits.utf8.count == 4,
            text.utf8.count == (text.contains(":") ? 6 : 5), let number = Int(digits), number / 100 <= 14,
            number % 100 < 60
        else { return false }
        offset = (number / 100 * 60 + number % 100) * (sign == "-" ? -1 : 1)
        return true
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }

    /// The moment that is meant. The end of today is now.
    /// - Parameter daysBegin: a day alone means its beginning.
    public func moment(now: Timestamp, _ zone: LocalZone, daysBegin: Bool = false) -> Timestamp {
        var civil: CivilTime
        switch day {
        case .ago(let span): return Timestamp(milliseconds: now.milliseconds - span)
        case .date(let year, let month, let day): civil = CivilTime(year: year, month: month, day: day, second: 0)
        case .earlier(let days):
            civil = zone.civil(now)
            civil.day -= days
        }
        guard let seconds else {
            civil.second = 0
            let begin = zone.moment(civil)
            if daysBegin { return begin }
            civil.day += 1
            // The last moment before the next day.
            let end = Timestamp(milliseconds: zone.moment(civil).milliseconds - 1)
            return begin <= now ? min(end, now) : end
        }
        civil.second = seconds
        let local = offset == nil ? zone.moment(civil) : LocalZone.utc.moment(civil)
        return Timestamp(milliseconds: local.milliseconds + Int64(milliseconds) - Int64(offset ?? 0) * 60_000)
    }
}

/// A time as a clock and a calendar on the wall show it.
public struct CivilTime: Hashable, Sendable {
    public var year: Int
    public var month: Int
    /// May lie outside its month: the day after the last of a month is the first of the next.
    public var day: Int
    /// Since midnight.
    public var second: Int

    public init(year: Int, month: Int, day: Int, second: Int) {
        (self.year, self.month, self.day, self.second) = (year, month, day, second)
    }
}

/// The clock on the wall.
public struct LocalZone: Sendable {
    public let civil: @Sendable (Timestamp) -> CivilTime
    /// Of a time that there is twice the second; of one that there is not, an hour later.
    public let moment: @Sendable (CivilTime) -> Timestamp

    public init(
        civil: @escaping @Sendable (Timestamp) -> CivilTime, moment: @escaping @Sendable (CivilTime) -> Timestamp
    ) {
        self.civil = civil
        self.moment = moment
    }

    public static let utc = LocalZone(civil: { CivilTime($0) }, moment: { $0.utc })
}

extension Timestamp {
    /// The moment that a person names. Without a zone it is UTC, and a day alone means its beginning.
    /// - Parameter now: nil where only a date will do.
    public init?(text: String, now: Timestamp? = nil) {
        guard let time = PointTime(text) else { return nil }
        if now == nil, !CalendarDate.isValid(String(text.prefix(10))) { return nil }
        self = time.moment(now: now ?? Timestamp(milliseconds: 0), .utc, daysBegin: true)
    }
}
