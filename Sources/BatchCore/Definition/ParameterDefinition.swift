/// A parameter that a job takes; it is bound as `:name`, never pasted into SQL.
public struct ParameterDefinition: Hashable, Sendable {
    public var name: String
    public var type: ParameterType
    /// Nil when there is none; `.null` when NULL is the default.
    public var defaultValue: SQLValue?
    /// A required parameter must be given; one that is neither required nor has a default is NULL when it is not.
    public var isRequired: Bool
    /// The only values it may have; empty means any.
    public var choices: [SQLValue]
    public var description: String

    public init(
        name: String, type: ParameterType, defaultValue: SQLValue? = nil, isRequired: Bool? = nil,
        choices: [SQLValue] = [], description: String = ""
    ) {
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
        self.isRequired = isRequired ?? (defaultValue == nil)
        self.choices = choices
        self.description = description
    }

    /// Names that every statement has without declaring them.
    public static let builtIn = ["tenant", "batch"]

    public static let nameRule = "1 to 64 letters, digits or '_', not beginning with a digit"

    public static func isValidName(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 64, !(first >= 48 && first <= 57) else { return false }
        return text.utf8.allSatisfy { ($0 >= 48 && $0 <= 57) || $0 == 95 || (($0 | 32) >= 97 && ($0 | 32) <= 122) }
    }

    /// Reads a value given as text. The text itself stays out of the error: it may be secret.
    /// - Throws: `ERR_UX_INVALID_PARAMETER`.
    public func value(of text: String) throws(BatchError) -> SQLValue {
        guard let value = type.value(of: text) else {
            throw BatchError(
                .invalidParameter, "parameter \(name): the value is not \(type.shape)",
                hint: "give it as: --set \(name)=\(example)")
        }
        guard choices.isEmpty || choices.contains(value) else {
            throw BatchError(
                .invalidParameter, "parameter \(name): the value is not one of \(choicesText)",
                hint: "give it as: --set \(name)=\(example)")
        }
        return value
    }

    /// A value that fits, for hints.
    public var example: String {
        if let first = choices.first { return ParameterDefinition.text(first) }
        switch type {
        case .text: return "TEXT"
        case .integer: return "42"
        case .real: return "2.5"
        case .boolean: return "true"
        case .date: return "2026-11-21"
        }
    }

    private var choicesText: String { choices.map(ParameterDefinition.text).joined(separator: ", ") }

    private static func text(_ value: SQLValue) -> String {
        switch value {
        case .integer(let number): String(number)
        case .real(let number): "\(number)"
        default: value.string ?? ""
        }
    }
}

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

    /// The narrowest type that keeps the text as it is: `007`, `2.10` and twenty digits stay texts.
    public static func narrowest(for text: String) -> ParameterType {
        if let number = Int64(text), String(number) == text { return .integer }
        if let number = Double(text), number.isFinite, "\(number)" == text { return .real }
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

/// Dates of the proleptic Gregorian calendar, written `2026-11-21`.
public enum CalendarDate {
    public static func isValid(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2], parts.joined().utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }),
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
        else { return false }
        return (1...12).contains(month) && day >= 1 && day <= days(in: month, of: year)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
