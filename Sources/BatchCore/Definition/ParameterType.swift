/// The types that a parameter of a job can have.
public enum ParameterType: String, Hashable, Sendable, CaseIterable {
    case text
    case integer
    case real
    case boolean
    case date

    /// The value to bind; nil when the text is not of this type. Booleans are bound as 1 and 0, dates as text.
    public func value(of text: String) -> SQLValue? {
        switch self {
        case .text: .string(text)
        case .integer: Int64(text).map(SQLValue.integer)
        case .real: real(text).map(SQLValue.real)
        case .boolean: boolean(text).map { .integer($0 ? 1 : 0) }
        case .date: CalendarDate.isValid(text) ? .string(text) : nil
        }
    }

    /// What a value of this type looks like.
    public var shape: String {
        switch self {
        case .text: "a text"
        case .integer: "a whole number, e.g. 42"
        case .real: "a number, e.g. 2.5"
        case .boolean: "true or false"
        case .date: "a date, e.g. 2026-11-21"
        }
    }

    /// The narrowest type that keeps the text as it is: `007` and `+49` stay texts.
    public static func narrowest(for text: String) -> ParameterType {
        if let number = Int64(text), String(number) == text { return .integer }
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
        let leadingZero = digits.first == 48 && digits.dropFirst().first != UInt8(ascii: ".")
        if !leadingZero, !text.hasPrefix("+"), ParameterType.real.value(of: text) != nil { return .real }
        return .text
    }

    /// Decimal notation only: `Double` itself also reads `0x10`, `inf` and `nan`.
    private func real(_ text: String) -> Double? {
        guard text.utf8.contains(where: { $0 >= 48 && $0 <= 57 }),
            text.utf8.allSatisfy({ ($0 >= 48 && $0 <= 57) || "+-.eE".utf8.contains($0) }),
            let number = Double(text), number.isFinite
        else { return nil }
        return number
    }

    private func boolean(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "1": true
        case "false", "no", "0": false
        default: nil
        }
    }
}
