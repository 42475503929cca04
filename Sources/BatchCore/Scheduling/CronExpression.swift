/// When a job is due, in the five fields of cron (minute, hour, day of the month, month, day of the week), with seconds
/// before them when there are six, or as a word: `@daily`.
///
/// The dialect is that of Debian's cron: with both days restricted, a day that fits either is taken, and a field that
/// begins with `*` restricts nothing. `L`, `W` and `#` are those of Quartz, with Sunday as 0 or 7.
public struct CronExpression: Hashable, Sendable {
    /// A day that only the calendar of a month knows.
    public enum CalendarDay: Hashable, Sendable {
        /// `L` and `L-3`: so many days before the last of the month.
        case last(before: Int)
        /// `LW`: the last day from Monday to Friday.
        case lastWorkday
        /// `15W`: the day from Monday to Friday that is nearest, in the same month.
        case workday(nearest: Int)
        /// `5L`: the last Friday.
        case lastWeekday(Int)
        /// `5#2`: the second Friday.
        case nthWeekday(Int, Int)
    }

    /// The values that a field admits, in ascending order.
    public let seconds: [Int]
    public let minutes: [Int]
    public let hours: [Int]
    public let days: [Int]
    public let months: [Int]
    /// 0 is Sunday.
    public let weekdays: [Int]
    /// Of the field of days, beside `days`.
    public let calendarDays: Set<CalendarDay>
    /// Of the field of weekdays, beside `weekdays`.
    public let calendarWeekdays: Set<CalendarDay>
    /// With both restricted, cron takes a day that fits either.
    public let restrictsDays: Bool
    public let restrictsWeekdays: Bool
    /// The hour or the minute begins with `*`: such a job runs whenever the clock shows the time, also when clocks are
    /// changed. Any other runs at particular times, none of which should be lost or come twice.
    public let followsClock: Bool

    public static let words = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@nightly": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    /// Nil when the text is no schedule; `problem(in:)` says why.
    public init?(_ text: String) {
        guard case .success(let expression) = CronExpression.read(text) else { return nil }
        self = expression
    }

    /// - Throws: `ERR_UX_USAGE`, with the field and what is wrong with it.
    public init(reading text: String) throws(BatchError) {
        switch CronExpression.read(text) {
        case .success(let expression): self = expression
        case .failure(let mistake):
            throw BatchError(
                .usage, "'\(text)' is not a cron expression: \(mistake.message)",
                hint: "try it: \(command: "schedule next --cron \("0 2 * * *")")")
        }
    }

    /// What is wrong with a text, for people; nil when it is a schedule.
    public static func problem(in text: String) -> String? {
        guard case .failure(let mistake) = read(text) else { return nil }
        return mistake.message
    }

    private init(_ fields: [Admitted], _ texts: [Substring]) {
        let values = fields.map { $0.values.sorted() }
        seconds = values[0]
        minutes = values[1]
        hours = values[2]
        days = values[3]
        months = values[4]
        weekdays = Set(values[5].map { $0 % 7 }).sorted()
        calendarDays = fields[3].calendar
        calendarWeekdays = fields[5].calendar
        restrictsDays = !texts[3].hasPrefix("*") && texts[3] != "?"
        restrictsWeekdays = !texts[5].hasPrefix("*") && texts[5] != "?"
        followsClock = texts[1].hasPrefix("*") || texts[2].hasPrefix("*")
    }

    // MARK: Reading

    private struct Mistake: Error {
        let message: String
    }

    private struct Admitted {
        var values: Set<Int> = []
        var calendar: Set<CalendarDay> = []
    }

    private struct Field {
        let name: String
        let range: ClosedRange<Int>
        /// Names for the values from the lower bound on; their first three letters will do.
        var names: [String] = []

        /// Only a day can be left to the other of the two.
        var mayBeOpen: Bool { name.hasPrefix("day") }
        /// Where a range without an end ends: Sunday is not twice in a week.
        var last: Int { range.upperBound == 7 ? 6 : range.upperBound }
    }

    private static let monthDays = Field(name: "day of the month", range: 1...31)
    private static let weekDays = Field(
        name: "day of the week", range: 0...7,
        names: ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"])
    private static let fields = [
        Field(name: "second", range: 0...59), Field(name: "minute", range: 0...59), Field(name: "hour", range: 0...23),
        monthDays,
        Field(
            name: "month", range: 1...12,
            names: [
                "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
                "november", "december",
            ]),
        weekDays,
    ]

    private static func read(_ text: String) -> Result<CronExpression, Mistake> {
        if text.hasPrefix("@") {
            guard let plain = words[text.lowercased()] else {
                let known = words.keys.sorted()
                return .failure(.init(message: "'\(text)' is not one of \(known.joined(separator: ", "))"))
            }
            return read(plain)
        }
        var texts = text.split { $0 == " " || $0 == "\t" }
        guard (5...6).contains(texts.count) else {
            let count = texts.count == 1 ? "there is only 1 field" : "there are \(texts.count) fields"
            return .failure(.init(message: "\(count); write five, e.g. \"0 2 * * *\""))
        }
        if texts.count == 5 { texts.insert("0", at: 0) }
        var values: [Admitted] = []
        do throws(Mistake) {
            for (field, text) in zip(fields, texts) { values.append(try read(text, field)) }
        } catch { return .failure(error) }
        let expression = CronExpression(values, texts)
        if let mistake = expression.neverComes { return .failure(mistake) }
        return .success(expression)
    }

    /// A day that no month of the schedule has.
    private var neverComes: Mistake? {
        guard restrictsDays, !restrictsWeekdays else { return nil }
        // Forty years hold every kind of February.
        let start = Timestamp.days(year: 2000, month: 1, day: 1) * 86_400
        guard firstTime(from: start, before: start + 40 * 366 * 86_400) == nil else { return nil }
        let day = days.first.map { "day \($0)" } ?? "such a day"
        return Mistake(message: "\(day) never comes in the months it names")
    }

    private static func read(_ text: Substring, _ field: Field) throws(Mistake) -> Admitted {
        var admitted = Admitted()
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            if let day = try calendarDay(part, field) {
                admitted.calendar.insert(day)
                continue
            }
            let pieces = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            var step = 1
            if pieces.count == 2 {
                guard let number = Int(pieces[1]), number > 0, number <= field.range.upperBound else {
                    throw Mistake(message: "'/\(pieces[1])' is not a step of the \(field.name)")
                }
                step = number
            }
            let range = try range(pieces[0], field, hasStep: pieces.count == 2)
            admitted.values.formUnion(stride(from: range.lowerBound, through: range.upperBound, by: step))
        }
        return admitted
    }

    private static func range(_ text: Substring, _ field: Field, hasStep: Bool) throws(Mistake) -> ClosedRange<Int> {
        if text == "*" || (text == "?" && field.mayBeOpen) { return field.range }
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let low = try number(ends[0], field)
        guard ends.count == 2 else { return hasStep ? low...max(low, field.last) : low...low }
        let high = try number(ends[1], field)
        guard low <= high else {
            throw Mistake(message: "'\(text)': the \(field.name) ends before it begins")
        }
        return low...high
    }

    private static func number(_ text: Substring, _ field: Field) throws(Mistake) -> Int {
        let name = text.lowercased()
        if let place = field.names.firstIndex(where: { $0 == name || $0.prefix(3) == name }) {
            return field.range.lowerBound + place
        }
        let isWhole = !text.isEmpty && text.utf8.count <= 4 && text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
        guard isWhole, let number = Int(text), field.range.contains(number) else {
            let range = "\(field.range.lowerBound) to \(field.range.upperBound)"
            throw Mistake(message: "'\(text)' is not a valid \(field.name); write \(range)")
        }
        return number
    }

    /// `L`, `L-3`, `LW`, `15W`; `5L`, `friL`, `5#2`. Nil for what is a number, a range or a name.
    private static func calendarDay(_ part: Substring, _ field: Field) throws(Mistake) -> CalendarDay? {
        let text = part.uppercased()
        switch field.name {
        case monthDays.name: return try monthDay(text[...])
        case weekDays.name:
            if let mark = text.firstIndex(of: "#") {
                let day = try number(text[..<mark], field) % 7
                guard let place = Int(text[text.index(after: mark)...]), (1...5).contains(place) else {
                    throw Mistake(
                        message: "'\(part)': a day of the week comes up to five times a month; write #1 to #5")
                }
                return .nthWeekday(day, place)
            }
            guard text.hasSuffix("L") else { return nil }
            guard text != "L" else {
                throw Mistake(message: "'\(part)' is not a day of the week; the last Friday of the month is 5L")
            }
            return .lastWeekday(try number(text.dropLast(), field) % 7)
        default: return nil
        }
    }

    private static func monthDay(_ text: Substring) throws(Mistake) -> CalendarDay? {
        if text == "L" { return .last(before: 0) }
        if text == "LW" || text == "WL" { return .lastWorkday }
        if text.hasPrefix("L-") {
            guard let days = Int(text.dropFirst(2)), (0...30).contains(days) else {
                throw Mistake(message: "'\(text)' is not a day of the month; write L-1 to L-30")
            }
            return .last(before: days)
        }
        guard text.hasSuffix("W") else { return nil }
        return .workday(nearest: try number(text.dropLast(), monthDays))
    }
}
