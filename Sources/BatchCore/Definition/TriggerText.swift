/// A trigger by the text that SQLite keeps of it: when it fires, and which tables its statements write.
public struct TriggerText: Equatable, Sendable {
    public enum Event: String, Sendable {
        case insert, update, delete
    }

    /// Fires before the row changes, which is also what a trigger without a word about it does.
    public let isBefore: Bool
    /// Nil where the text cannot be read.
    public let event: Event?
    /// The tables and views that it writes, by folded names. Nil when that cannot be told, or when `RAISE(FAIL)` may
    /// end the statement in the middle of a row.
    public let targets: Set<String>?

    public init(_ sql: String) {
        let tokens = SQLTokens(sql)
        let list = Array(tokens)
        var position = TriggerText.afterName(list, tokens)
        let time = TriggerText.word(list, position, tokens)
        isBefore = time != "after"
        if let time, ["before", "after"].contains(time) { position += 1 }
        if time == "instead" { position += 2 }
        event = TriggerText.word(list, position, tokens).flatMap(Event.init)
        guard event != nil,
            let begin = list.indices.first(where: { $0 > position && TriggerText.word(list, $0, tokens) == "begin" })
        else {
            targets = nil
            return
        }
        targets = TriggerText.targets(in: list, after: begin, tokens)
    }

    private typealias Token = SQLTokens.Token

    private static func word(_ list: [Token], _ position: Int, _ tokens: SQLTokens) -> String? {
        guard list.indices.contains(position), list[position].kind == .word else { return nil }
        return tokens.text(list[position]).lowercased()
    }

    private static func isSymbol(_ symbol: String, _ list: [Token], _ position: Int, _ tokens: SQLTokens) -> Bool {
        list.indices.contains(position) && list[position].kind == .symbol && tokens.text(list[position]) == symbol
    }

    private static func afterName(_ list: [Token], _ tokens: SQLTokens) -> Int {
        var position = 1
        if let kind = word(list, position, tokens), ["temp", "temporary"].contains(kind) { position += 1 }
        position += 2
        return isSymbol(".", list, position, tokens) ? position + 2 : position
    }

    private static func targets(in list: [Token], after begin: Int, _ tokens: SQLTokens) -> Set<String>? {
        var found: Set<String> = []
        for position in list.indices where position > begin {
            guard let verb = word(list, position, tokens) else { continue }
            var next = position + 1
            switch verb {
            case "raise":
                if word(list, position + 2, tokens) == "fail" { return nil }
                continue
            case "replace":
                // The function, and INSERT OR REPLACE.
                if isSymbol("(", list, next, tokens) || word(list, position - 1, tokens) == "or" { continue }
            case "update":
                // ON CONFLICT DO UPDATE SET.
                if word(list, next, tokens) == "set" { continue }
            case "insert", "delete": break
            default: continue
            }
            if word(list, next, tokens) == "or" { next += 2 }
            if verb != "update" {
                guard word(list, next, tokens) == (verb == "delete" ? "from" : "into") else { return nil }
                next += 1
            }
            if isSymbol(".", list, next + 1, tokens) { next += 2 }
            guard list.indices.contains(next), [.word, .quoted, .text].contains(list[next].kind) else { return nil }
            found.insert(SQLName.folded(SQLText.name(list[next], tokens)))
        }
        return found
    }
}

/// The text of a column's DEFAULT.
public enum DefaultText {
    /// The same where an expression is wanted: a word or a text in double quotes would be a column there.
    public static func expression(_ text: String) -> String {
        let tokens = SQLTokens(text)
        let list = Array(tokens)
        guard list.count == 1, let only = list.first, only.kind == .word || only.kind == .quoted else {
            return "(\(text))"
        }
        let isNumber = tokens.text(only).first?.isNumber ?? false
        let words = ["null", "true", "false", "current_time", "current_date", "current_timestamp"]
        if only.kind == .word, isNumber || words.contains(tokens.text(only).lowercased()) { return text }
        return SQLName.literal(SQLText.name(only, tokens))
    }
}
