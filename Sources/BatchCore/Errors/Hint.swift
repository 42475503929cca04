/// What to do next: words for a person, and commands as values. Its text is made where it is shown, with the options
/// of the call and quoted for the shell, so that every command in it can be pasted.
public struct Hint: Hashable, Sendable {
    public enum Part: Hashable, Sendable {
        case words(String)
        case command(HintCommand)
    }

    public private(set) var parts: [Part]

    public init(_ words: String) { parts = words.isEmpty ? [] : [.words(words)] }

    public var isEmpty: Bool { parts.isEmpty }

    public var commands: [HintCommand] {
        parts.compactMap { if case .command(let command) = $0 { command } else { nil } }
    }

    /// - Parameter call: how the tool was called; its commands are to be typed in the same way.
    public func text(_ call: CallOptions = .none) -> String {
        parts.reduce(into: "") { text, part in
            switch part {
            case .words(let words): text += words
            case .command(let command): text += command.text(call)
            }
        }
    }

    /// The same hint, with a value where its commands have this word for the person to fill in, e.g. `BATCH`.
    public func filling(_ placeholder: String, _ value: String) -> Hint {
        var hint = self
        hint.parts = parts.map { part in
            if case .command(let command) = part { .command(command.filling(placeholder, value)) } else { part }
        }
        return hint
    }

    public static func + (left: Hint, right: Hint) -> Hint {
        var sum = left
        sum.parts += right.parts
        return sum
    }
}

extension Hint: ExpressibleByStringInterpolation {
    public init(stringLiteral words: String) { self.init(words) }

    public init(stringInterpolation: StringInterpolation) { parts = stringInterpolation.parts }

    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var parts: [Part] = []

        public init(literalCapacity: Int, interpolationCount: Int) {}

        public mutating func appendLiteral(_ words: String) {
            guard !words.isEmpty else { return }
            if case .words(let before) = parts.last {
                parts[parts.count - 1] = .words(before + words)
            } else {
                parts.append(.words(words))
            }
        }

        public mutating func appendInterpolation(_ value: some CustomStringConvertible) {
            appendLiteral(value.description)
        }

        public mutating func appendInterpolation(_ hint: Hint) {
            for part in hint.parts {
                if case .words(let words) = part { appendLiteral(words) } else { parts.append(part) }
            }
        }

        public mutating func appendInterpolation(command: HintCommand) { parts.append(.command(command)) }
    }
}

/// A command of the tool, as a value: verb and options. It is written as `"rollback --id \(batch) --mode cascade"`:
/// what stands in the literal are words of ours (`NAME` and `…` in it are for the person to fill in), and what is put
/// in between are values, which are quoted when the command is shown.
public struct HintCommand: Hashable, Sendable {
    fileprivate struct Word: Hashable, Sendable {
        var text: String
        /// Part of it is a value, so that the whole is quoted where a shell would read more into it.
        var isValue: Bool
    }

    private var words: [Word]

    /// The words as a program is given them.
    public var arguments: [String] { words.map(\.text) }

    func filling(_ placeholder: String, _ value: String) -> HintCommand {
        var command = self
        command.words = words.map { word in
            word.text == placeholder && !word.isValue ? Word(text: value, isValue: true) : word
        }
        return command
    }

    /// The same command with more words, e.g. for an option that only some cases need.
    public func adding(_ more: HintCommand) -> HintCommand {
        var command = self
        command.words += more.words
        return command
    }

    /// `batchmgr --db app.db rollback --id reprice.3`
    public func text(_ call: CallOptions = .none) -> String {
        let options = call.options(for: arguments).map(ShellText.quoted)
        return (["batchmgr"] + options + words.map { $0.isValue ? ShellText.quoted($0.text) : $0.text })
            .joined(separator: " ")
    }
}

extension HintCommand: ExpressibleByStringInterpolation {
    public init(stringLiteral text: String) {
        var interpolation = StringInterpolation(literalCapacity: 0, interpolationCount: 0)
        interpolation.appendLiteral(text)
        self.init(stringInterpolation: interpolation)
    }

    public init(stringInterpolation: StringInterpolation) { words = stringInterpolation.words }

    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var words: [Word] = []
        private var isOpen = false
        private var quote: Character?

        public init(literalCapacity: Int, interpolationCount: Int) {}

        /// Blanks divide words, but for those between quotes.
        public mutating func appendLiteral(_ text: String) {
            for character in text {
                if let open = quote {
                    if character == open { quote = nil } else { put(String(character), isValue: true) }
                } else if character == "\"" || character == "'" {
                    quote = character
                    put("", isValue: true)
                } else if character == " " {
                    isOpen = false
                } else {
                    put(String(character), isValue: false)
                }
            }
        }

        public mutating func appendInterpolation(_ value: some CustomStringConvertible) {
            put(value.description, isValue: true)
        }

        /// Words of ours, such as the name of a verb.
        public mutating func appendInterpolation(words: String) { appendLiteral(words) }

        private mutating func put(_ text: String, isValue: Bool) {
            if !isOpen { words.append(Word(text: "", isValue: false)) }
            isOpen = true
            words[words.count - 1].text += text
            if isValue { words[words.count - 1].isValue = true }
        }
    }
}

/// How a call named its database. Who goes on from its answer needs the same options again.
public struct CallOptions: Hashable, Sendable {
    public var database: String?
    public var workspace: String?
    /// One of several databases of the workspace.
    public var name: String?
    public var tenant: String?

    public init(database: String? = nil, workspace: String? = nil, name: String? = nil, tenant: String? = nil) {
        self.database = database
        self.workspace = workspace
        self.name = name
        self.tenant = tenant
    }

    public static let none = CallOptions()

    /// Verbs that are about no database.
    private static let free: Set = ["init", "version", "completion", "help"]

    /// What a command with these words needs beside them.
    func options(for words: [String]) -> [String] {
        guard let verb = words.first, !CallOptions.free.contains(verb), !words.contains("--help") else { return [] }
        let given = [("--db", database), ("--workspace", workspace), ("--database", name), ("--tenant", tenant)]
        return given.flatMap { name, value in
            if let value, !words.contains(name) { [name, value] } else { [String]() }
        }
    }
}

/// Words as a shell reads them.
public enum ShellText {
    private static let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-:=^@%+,".utf8)

    /// The word itself where no shell reads anything into it; otherwise in quotes.
    public static func quoted(_ word: String) -> String {
        let isPlain = !word.isEmpty && word.utf8.allSatisfy { plain.contains($0) || $0 > 127 }
        if isPlain, word.first != "=", !word.unicodeScalars.contains(where: Printable.isUnsafe) { return word }
        guard word.unicodeScalars.contains(where: Printable.isUnsafe) else {
            return "'" + word.escaping(["'": "'\\''"]) + "'"
        }
        let escaped = word.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "'", "\\": text += "\\\(scalar)"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case _ where Printable.isUnsafe(scalar):
                text += String(scalar).utf8.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            default: text.unicodeScalars.append(scalar)
            }
        }
        return "$'" + escaped + "'"
    }
}
