internal import BatchCore

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

    mutating func report(_ fault: YAMLFault) { report(fault.mark, fault.message) }

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
