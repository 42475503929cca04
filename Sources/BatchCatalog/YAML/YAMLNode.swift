internal import BatchCore

/// A value of a YAML document, and where it stands.
struct YAMLNode: Sendable {
    struct Entry: Sendable {
        let key: String
        let mark: YAMLMark
        let value: YAMLNode
    }

    enum Content: Sendable {
        /// - Parameter isPlain: written without quotes, so that it may stand for a number, a truth value or null.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// In the order of the text; a key that is there twice is there twice.
        case mapping([Entry])
    }

    let content: Content
    let start: YAMLMark
    let end: YAMLMark
    /// The nodes below it and itself, aliases counted as often as they are used.
    let weight: Int

    /// The value of a key; nil also when this is not a mapping.
    subscript(key: String) -> YAMLNode? { entries.first { $0.key == key }?.value }

    var entries: [Entry] { if case .mapping(let entries) = content { entries } else { [] } }
    var elements: [YAMLNode] { if case .sequence(let elements) = content { elements } else { [] } }

    /// The text of a scalar that is not null.
    var text: String? {
        guard case .scalar(let text, _) = content, !isNull else { return nil }
        return text
    }

    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// True for a scalar that stands for its own characters.
    var isString: Bool {
        guard case .scalar(let text, let isPlain) = content else { return false }
        // Most texts begin with a letter that no null, truth value or number begins with.
        guard isPlain, let first = text.utf8.first else { return !isPlain }
        if !"nNtTfF~+-.0123456789".utf8.contains(first) { return true }
        guard case .string = json else { return false }
        return true
    }

    /// The value by the core schema of YAML 1.2: `yes` and `off` are texts, `0x1F` and `0o17` are numbers.
    var json: JSONValue {
        switch content {
        case .scalar(let text, let isPlain): isPlain ? YAMLNode.plain(text) : .string(text)
        case .sequence(let elements): .array(elements.map(\.json))
        case .mapping(let entries): .object(entries.map { JSONValue.Member($0.key, $0.value.json) })
        }
    }

    /// The value of a number that is written without quotes, whole or not.
    var number: Double? {
        switch json {
        case .integer(let whole): Double(whole)
        case .number(let number): number
        default: nil
        }
    }

    private static func plain(_ text: String) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: break
        }
        guard let first = text.utf8.first, "+-.0123456789".utf8.contains(first) else { return .string(text) }
        if let whole = Int64(text) { return .integer(whole) }
        if text.hasPrefix("0x"), let whole = Int64(text.dropFirst(2), radix: 16) { return .integer(whole) }
        if text.hasPrefix("0o"), let whole = Int64(text.dropFirst(2), radix: 8) { return .integer(whole) }
        let isDecimal = text.utf8.allSatisfy { ($0 >= 48 && $0 <= 57) || "+-.eE".utf8.contains($0) }
        if isDecimal, let number = Double(text), number.isFinite { return .number(number) }
        return .string(text)
    }

    /// Why a text is not a YAML document that can be read here, and where.
    struct Fault: Error, Sendable {
        let mark: YAMLMark
        let message: String

        init(_ mark: YAMLMark, _ message: String) {
            self.mark = mark
            self.message = message
        }
    }
}

/// A place in a text. Lines and columns count from 1; columns count characters as an editor does (code points).
public struct YAMLMark: Hashable, Sendable {
    public var line: Int
    public var column: Int

    public static let start = YAMLMark(line: 1, column: 1)
}
