/// When a job is due, in the five fields of cron (minute, hour, day of the month, month, day of the week), with seconds
/// before them when there are six, or as a word: `@daily`.
public struct CronExpression: Hashable, Sendable {
    /// The values that a field admits, in ascending order.
    public let seconds: [Int]
    public let minutes: [Int]
    public let hours: [Int]
    public let days: [Int]
    public let months: [Int]
    /// 0 is Sunday.
    public let weekdays: [Int]
    /// With both restricted, cron takes a day that fits either.
    public let restrictsDays: Bool
    public let restrictsWeekdays: Bool

    public static let words = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    /// Nil when the text is no schedule; `problem(in:)` says why.
    public init?(_ text: String) {
        guard case .success(let expression) = CronExpression.read(text) else { return nil }
        self = expression
    }

    /// What is wrong with a text, for people; nil when it is a schedule.
    public static func problem(in text: String) -> String? {
        guard case .failure(let mistake) = read(text) else { return nil }
        return mistake.message
    }

    private init(_ fields: [[Int]], _ texts: [Substring]) {
        seconds = fields[0]
        minutes = fields[1]
        hours = fields[2]
        days = fields[3]
        months = fields[4]
        weekdays = Array(Set(fields[5].map { $0 % 7 })).sorted()
        restrictsDays = !texts[3].hasPrefix("*") && texts[3] != "?"
        restrictsWeekdays = !texts[5].hasPrefix("*") && texts[5] != "?"
    }

    // MARK: Reading

    private struct Mistake: Error {
        let message: String
    }

    private struct Field {
        let name: String
        let range: ClosedRange<Int>
        /// Names for the values from the lower bound on.
        var names: [String] = []

        /// Only a day can be left to the other of the two.
        var mayBeOpen: Bool { name.hasPrefix("day") }
    }

    private static let fields = [
        Field(name: "second", range: 0...59), Field(name: "minute", range: 0...59), Field(name: "hour", range: 0...23),
        Field(name: "day of the month", range: 1...31),
        Field(
            name: "month", range: 1...12,
            names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
        Field(name: "day of the week", range: 0...7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ]

    private static func read(_ text: String) -> Result<CronExpression, Mistake> {
        if text.hasPrefix("@") {
            guard let plain = words[text.lowercased()] else {
                let known = words.keys.sorted()
                return .failure(.init(message: "'\(text)' is none of \(known.joined(separator: ", "))"))
            }
            return read(plain)
        }
        var texts = text.split(separator: " ")
        guard (5...6).contains(texts.count) else {
            return .failure(.init(message: "there are \(texts.count) fields; write five, e.g. \"0 2 * * *\""))
        }
        if texts.count == 5 { texts.insert("0", at: 0) }
        var values: [[Int]] = []
        do throws(Mistake) {
            for (field, text) in zip(fields, texts) { values.append(try read(text, field)) }
        } catch { return .failure(error) }
        let expression = CronExpression(values, texts)
        if let mistake = expression.neverComes { return .failure(mistake) }
        return .success(expression)
    }

    /// A day that no month of the schedule has.
    private var neverComes: Mistake? {
        guard restrictsDays, !restrictsWeekdays, let first = days.first else { return nil }
        let longest = months.map { [4, 6, 9, 11].contains($0) ? 30 : $0 == 2 ? 29 : 31 }.max() ?? 31
        guard first > longest else { return nil }
        return Mistake(message: "day \(first) never comes in the months it names")
    }

    private static func read(_ text: Substring, _ field: Field) throws(Mistake) -> [Int] {
        var values: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            var step = 1
            if pieces.count == 2 {
                guard let number = Int(pieces[1]), number > 0, number <= field.range.upperBound else {
                    throw Mistake(message: "'/\(pieces[1])' is no step of the \(field.name)")
                }
                step = number
            }
            let range = try range(pieces[0], field, hasStep: pieces.count == 2)
            values.formUnion(stride(from: range.lowerBound, through: range.upperBound, by: step))
        }
        return values.sorted()
    }

    private static func range(_ text: Substring, _ field: Field, hasStep: Bool) throws(Mistake) -> ClosedRange<Int> {
        if text == "*" || (text == "?" && field.mayBeOpen) { return field.range }
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let low = try number(ends[0], field)
        guard ends.count == 2 else { return hasStep ? low...field.range.upperBound : low...low }
        let high = try number(ends[1], field)
        guard low <= high else {
            throw Mistake(message: "'\(text)': the \(field.name) ends before it begins")
        }
        return low...high
    }

    private static func number(_ text: Substring, _ field: Field) throws(Mistake) -> Int {
        if let place = field.names.firstIndex(of: text.lowercased()) { return field.range.lowerBound + place }
        let isWhole = !text.isEmpty && text.utf8.count <= 4 && text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
        guard isWhole, let number = Int(text), field.range.contains(number) else {
            let range = "\(field.range.lowerBound) to \(field.range.upperBound)"
            throw Mistake(message: "'\(text)' is no \(field.name); write \(range)")
        }
        return number
    }
}
