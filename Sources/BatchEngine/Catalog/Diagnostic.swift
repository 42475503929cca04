public import BatchCore

/// Something wrong in a YAML file, with the place where it is.
public struct Diagnostic: Hashable, Sendable {
    public let code: ErrorCode
    /// As the user would write it.
    public let file: String
    /// Counted from 1.
    public let line: Int
    /// Counted from 1, in characters (code points).
    public let column: Int
    /// How many characters the caret underlines, 1 or more.
    public let length: Int
    public let message: String
    /// The whole line, empty when there is none.
    public let source: String

    public init(
        code: ErrorCode, file: String, line: Int, column: Int, length: Int, message: String, source: String
    ) {
        self.code = code
        self.file = file
        self.line = line
        self.column = column
        self.length = length
        self.message = message
        self.source = source
    }

    public var json: JSONValue {
        [
            "code": .string(code.rawValue), "file": .string(file), "line": JSONValue(line),
            "column": JSONValue(column), "message": .string(message), "source": .string(source),
        ]
    }
}

extension Diagnostic: CustomStringConvertible {
    private static let widest = 100

    /// `file:line:col: message`, the line, and a caret below the place.
    public var description: String {
        let head = "\(file):\(line):\(column): \(message)"
        guard !source.isEmpty else { return head }
        let characters = Array(source.unicodeScalars)
        let place = min(column - 1, characters.count)
        // A long line is shown around the place only.
        let from = max(0, min(place - Diagnostic.widest / 2, characters.count - Diagnostic.widest))
        let shown = characters[from..<min(from + Diagnostic.widest, characters.count)]
        let gutter = "\(line)"
        let margin = String(repeating: " ", count: gutter.utf8.count)
        // A tab above a tab, so that the caret stands right whatever the terminal's tab width is.
        let indent = characters[from..<place].map { $0 == "\t" ? "\t" : " " }.joined()
        let carets = String(repeating: "^", count: max(1, min(length, shown.endIndex - place)))
        let text = shown.map { Diagnostic.isControl($0) ? "\u{FFFD}" : String($0) }.joined()
        return "\(head)\n  \(gutter) | \(text)\n  \(margin) | \(indent)\(carets)"
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        (scalar.value < 32 && scalar != "\t") || (scalar.value >= 127 && scalar.value < 160)
    }
}

extension Diagnostic {
    /// All of them in one error; nil when there are none.
    /// - Parameter hint: the next command to type.
    public static func error(_ diagnostics: [Diagnostic], _ code: ErrorCode, hint: String) -> BatchError? {
        guard !diagnostics.isEmpty else { return nil }
        let count = diagnostics.count == 1 ? "1 mistake" : "\(diagnostics.count) mistakes"
        let list = diagnostics.map(\.description).joined(separator: "\n")
        return BatchError(code, "\(count)\n\(list)", hint: hint)
    }
}
