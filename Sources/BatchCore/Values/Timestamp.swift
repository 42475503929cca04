/// A moment in UTC with a resolution of one millisecond. What is after the year 9999 is written as its last moment, so
/// that every time that is written can be read, and comes after the earlier ones as text.
public struct Timestamp: Hashable, Comparable, Sendable {
    public let milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

    /// `20261121T020000.123Z`: for file names.
    public var compact: String { format(dateSeparator: nil, timeSeparator: nil) }

    /// `2026-11-21T02:00:00.123Z`: for documents and logs.
    public var iso8601: String { format(dateSeparator: UInt8(ascii: "-"), timeSeparator: UInt8(ascii: ":")) }

    /// `2026-11-21T02:00:00Z`: for times that are whole seconds.
    public var seconds: String { iso8601.prefix(19) + "Z" }

    /// Reads `iso8601` text back; nil when it is not of that form.
    public init?(iso8601 text: String) {
        var (number, digits) = (Int64(0), 0)
        guard text.utf8.count == 24 else { return nil }
        for byte in text.utf8 where byte >= 48 && byte <= 57 {
            guard digits < 17 else { return nil }
            number = number * 10 + Int64(byte - 48)
            digits += 1
        }
        guard digits == 17 else { return nil }
        let date = number / 1_000_000_000
        let days = Timestamp.days(year: date / 10_000, month: date / 100 % 100, day: date % 100)
        let time = number % 1_000_000_000
        let seconds = time / 10_000_000 * 3_600 + time / 100_000 % 100 * 60 + time / 1_000 % 100
        self.init(milliseconds: (days * 86_400 + seconds) * 1_000 + time % 1_000)
    }

    private static let end = days(year: 10_000, month: 1, day: 1) * 86_400_000

    /// - Parameters: ASCII characters; nil for none.
    private func format(dateSeparator: UInt8?, timeSeparator: UInt8?) -> String {
        let milliseconds = min(milliseconds, Timestamp.end - 1)
        let days = milliseconds.quotient(flooredBy: 86_400_000)
        let rest = milliseconds - days * 86_400_000
        let (year, month, day) = Timestamp.civil(days: days)
        return String(unsafeUninitializedCapacity: 64) { text in
            var end = 0
            func add(_ character: UInt8?) {
                guard let character else { return }
                text[end] = character
                end += 1
            }
            /// At least `width` digits.
            func add(_ number: Int64, _ width: Int) {
                if number < 0 { add(UInt8(ascii: "-")) }
                let number = number.magnitude
                var place: UInt64 = 1
                for _ in 1..<width { place *= 10 }
                while number / place >= 10 { place *= 10 }
                while place > 0 {
                    add(UInt8(ascii: "0") + UInt8(number / place % 10))
                    place /= 10
                }
            }
            add(year, 4)
            add(dateSeparator)
            add(month, 2)
            add(dateSeparator)
            add(day, 2)
            add(UInt8(ascii: "T"))
            add(rest / 3_600_000, 2)
            add(timeSeparator)
            add(rest / 60_000 % 60, 2)
            add(timeSeparator)
            add(rest / 1_000 % 60, 2)
            add(UInt8(ascii: "."))
            add(rest % 1_000, 3)
            add(UInt8(ascii: "Z"))
            return end
        }
    }

    /// Days since 1970-01-01 to a date of the proleptic Gregorian calendar: the year is taken to begin in March, so
    /// that the leap day is its last.
    static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.quotient(flooredBy: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let era = marchYear.quotient(flooredBy: 400)
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension CivilTime {
    /// In UTC.
    init(_ time: Timestamp) {
        let days = time.milliseconds.quotient(flooredBy: 86_400_000)
        let (year, month, day) = Timestamp.civil(days: days)
        self.init(
            year: Int(year), month: Int(month), day: Int(day),
            second: Int((time.milliseconds - days * 86_400_000) / 1_000))
    }

    /// This time, taken for one in UTC.
    var utc: Timestamp {
        let days = Timestamp.days(year: Int64(year), month: Int64(month), day: 1) + Int64(day) - 1
        return Timestamp(milliseconds: (days * 86_400 + Int64(second)) * 1_000)
    }
}

extension Int64 {
    func quotient(flooredBy divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
    }
}
