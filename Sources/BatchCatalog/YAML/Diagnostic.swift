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
    public static func error(_ diagnostics: [Diagnostic], _ code: ErrorCode, hint: Hint) -> BatchError? {
        guard !diagnostics.isEmpty else { return nil }
        let count = diagnostics.count == 1 ? "1 mistake" : "\(diagnostics.count) mistakes"
        let list = diagnostics.map(\.description).joined(separator: "\n")
        return BatchError(code, "\(count)\n\(list)", hint: hint)
    }
}

/// A file that is being read, and what was found wrong in it.
struct SourceText {
    let file: String
    let text: String
    /// The code of diagnostics that have no code of their own.
    let code: ErrorCode
    private var reported: [Diagnostic] = []
    /// Needed only when something is wrong.
    private lazy var lines = SourceText.lines(of: text)

    init(file: String, text: String, code: ErrorCode) {
        self.file = file
        self.text = text
        self.code = code
    }

    /// In the order of the text.
    var diagnostics: [Diagnostic] { reported.sorted { ($0.line, $0.column) < ($1.line, $1.column) } }

    mutating func report(_ mark: YAMLMark, length: Int = 1, code: ErrorCode? = nil, _ message: String) {
        reported.append(
            Diagnostic(
                code: code ?? self.code, file: file, line: mark.line, column: mark.column, length: length,
                message: message, source: line(mark.line)))
    }

    mutating func report(_ node: YAMLNode, code: ErrorCode? = nil, _ message: String) {
        let length = node.start.line == node.end.line ? max(1, node.end.column - node.start.column) : 1
        report(node.start, length: length, code: code, message)
    }

    mutating func report(key entry: YAMLNode.Entry, code: ErrorCode? = nil, _ message: String) {
        report(entry.mark, length: max(1, entry.key.unicodeScalars.count), code: code, message)
    }

    mutating func report(_ fault: YAMLNode.Fault) { report(fault.mark, fault.message) }

    /// Where the `count`-th occurrence (from 0) of `word` within `node` stands; the node itself when it is not
    /// written there in these characters (an escape, a folded line).
    mutating func place(of word: String, occurrence count: Int, in node: YAMLNode) -> YAMLMark {
        let wanted = Array(word.unicodeScalars)
        var left = count
        for number in node.start.line...max(node.start.line, node.end.line) {
            let scalars = Array(line(number).unicodeScalars)
            var column = number == node.start.line ? node.start.column - 1 : 0
            while column + wanted.count <= scalars.count {
                if scalars[column..<column + wanted.count].elementsEqual(wanted) {
                    if left == 0 { return YAMLMark(line: number, column: column + 1) }
                    left -= 1
                }
                column += 1
            }
        }
        return node.start
    }

    /// Without its line ending; empty when there is no such line.
    private mutating func line(_ number: Int) -> String { number <= lines.count ? lines[number - 1] : "" }

    /// Lines end where libyaml ends them, or its marks would point into others.
    private static func lines(of text: String) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var afterReturn = false
        for (index, scalar) in text.unicodeScalars.enumerated() where index > 0 || scalar != "\u{FEFF}" {
            switch scalar {
            case "\n" where afterReturn: break
            case "\r", "\n", "\u{85}", "\u{2028}", "\u{2029}":
                lines.append(String(line))
                line = String.UnicodeScalarView()
            default: line.append(scalar)
            }
            afterReturn = scalar == "\r"
        }
        return lines + [String(line)]
    }
}
