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
            // The name behind IF EXISTS.
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
