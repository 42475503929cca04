/// Cuts SQL into tokens by SQLite's own rules, as far as it takes to tell a parameter from a text that looks like one.
struct SQLTokens: Sequence, IteratorProtocol {
    enum Kind: Equatable {
        /// A keyword, a name or a number.
        case word
        /// A name in quotes of any kind; `'…'` is a text.
        case quoted
        case text
        /// `:a`, `@a`, `$a`, `?` or `?1`.
        case variable
        case symbol
    }

    struct Token {
        let kind: Kind
        /// Of UTF-8 bytes.
        let range: Range<Int>
    }

    let bytes: [UInt8]
    private var position = 0

    init(_ sql: String) { bytes = Array(sql.utf8) }

    func text(_ token: Token) -> String { String(decoding: bytes[token.range], as: UTF8.self) }

    mutating func next() -> Token? {
        skipSpaceAndComments()
        guard position < bytes.count else { return nil }
        let start = position
        let kind = take()
        return Token(kind: kind, range: start..<position)
    }

    private func byte(_ ahead: Int = 0) -> UInt8? {
        position + ahead < bytes.count ? bytes[position + ahead] : nil
    }

    private mutating func skipSpaceAndComments() {
        while let first = byte() {
            if first == 32 || (first >= 9 && first <= 13) {
                position += 1
            } else if first == UInt8(ascii: "-"), byte(1) == UInt8(ascii: "-") {
                while let next = byte(), next != 10 { position += 1 }
            } else if first == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") {
                position += 2
                while byte() != nil, byte() != UInt8(ascii: "*") || byte(1) != UInt8(ascii: "/") { position += 1 }
                position = Swift.min(position + 2, bytes.count)
            } else {
                return
            }
        }
    }

    private mutating func take() -> Kind {
        let first = bytes[position]
        position += 1
        switch first {
        case UInt8(ascii: "'"):
            quote(first)
            return .text
        case UInt8(ascii: "\""), UInt8(ascii: "`"):
            quote(first)
            return .quoted
        case UInt8(ascii: "["):
            while let next = byte(), next != UInt8(ascii: "]") { position += 1 }
            position = Swift.min(position + 1, bytes.count)
            return .quoted
        case UInt8(ascii: "?"):
            word()
            return .variable
        case UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "$"):
            let start = position
            word()
            return position > start ? .variable : .symbol
        default:
            guard SQLTokens.isNameByte(first) else { return .symbol }
            word()
            return .word
        }
    }

    /// A doubled quote stands for itself.
    private mutating func quote(_ mark: UInt8) {
        while let next = byte() {
            position += 1
            guard next == mark else { continue }
            if byte() != mark { return }
            position += 1
        }
    }

    private mutating func word() {
        while let next = byte(), SQLTokens.isNameByte(next) { position += 1 }
    }

    static func isNameByte(_ byte: UInt8) -> Bool {
        (byte >= 48 && byte <= 57) || ((byte | 32) >= 97 && (byte | 32) <= 122) || byte == 95 || byte >= 128
            || byte == UInt8(ascii: "$")
    }
}

/// A statement that may change the schema, as far as its text tells.
public struct SchemaStatement: Hashable, Sendable {
    /// A table as the statement names it.
    public struct Target: Hashable, Sendable {
        /// `main`, `temp` or an attached database; nil when it is not said.
        public let database: String?
        public let name: String
    }

    /// The table that DROP TABLE or ALTER TABLE names; nil for all other statements.
    public let rewritten: Target?

    /// Nil for a statement that changes no schema.
    public init?(_ sql: String) {
        let tokens = SQLTokens(sql.hasPrefix("\u{FEFF}") ? String(sql.unicodeScalars.dropFirst()) : sql)
        var rest = tokens.makeIterator()
        func word(_ token: SQLTokens.Token?) -> String? {
            token.flatMap { $0.kind == .word ? tokens.text($0).lowercased() : nil }
        }
        var start = rest.next()
        while let token = start, token.kind == .symbol, tokens.text(token) == ";" { start = rest.next() }
        let verb = word(start)
        guard let verb, ["create", "drop", "alter", "analyze"].contains(verb) else { return nil }
        guard verb == "drop" || verb == "alter", word(rest.next()) == "table" else {
            rewritten = nil
            return
        }
        var token = rest.next()
        if word(token) == "if" {
            // The name after IF EXISTS.
            _ = rest.next()
            token = rest.next()
        }
        let first = token.map { SQLText.name($0, tokens) }
        let dot = rest.next()
        let isQualified = dot.map { $0.kind == .symbol && tokens.text($0) == "." } ?? false
        guard let first else {
            rewritten = nil
            return
        }
        guard isQualified, let second = rest.next() else {
            rewritten = Target(database: nil, name: first)
            return
        }
        rewritten = Target(database: first.lowercased(), name: SQLText.name(second, tokens))
    }
}
