/// What can be told of a statement without a database.
public enum SQLText {
    public struct Parameter: Hashable, Sendable {
        /// As written, with its prefix: `:percent`.
        public let text: String
        /// Where it stands, in UTF-8 bytes.
        public let offset: Int

        /// Without its prefix; nil for one that is not written `:name`.
        public var name: String? { text.hasPrefix(":") ? String(text.dropFirst()) : nil }
    }

    /// All parameters, in their order; not those in texts, quoted names and comments.
    public static func parameters(in sql: String) -> [Parameter] {
        let tokens = SQLTokens(sql)
        return tokens.filter { $0.kind == .variable }.map {
            Parameter(text: tokens.text($0), offset: $0.range.lowerBound)
        }
    }

    /// The first words and symbols of the text, in lower case, without comments.
    public static func opening(of sql: String, count: Int) -> [String] {
        let tokens = SQLTokens(sql)
        return tokens.prefix(count).map { tokens.text($0).lowercased() }
    }

    /// The first word of each statement, in lower case. A word after a `;` inside a trigger counts too.
    public static func firstWords(in sql: String) -> [String] {
        let tokens = SQLTokens(sql)
        var words: [String] = []
        var isFirst = true
        for token in tokens {
            if token.kind == .word, isFirst { words.append(tokens.text(token).lowercased()) }
            isFirst = token.kind == .symbol && tokens.text(token) == ";"
        }
        return words
    }

    /// True when it may say what happens to a row that breaks a constraint. It may err on the side of yes.
    public static func resolvesConflicts(_ sql: String) -> Bool {
        let tokens = SQLTokens(sql)
        return tokens.contains { token in
            token.kind == .word && ["ignore", "replace", "conflict", "fail"].contains(tokens.text(token).lowercased())
        }
    }

    /// The module of `CREATE VIRTUAL TABLE name USING module(…)` in lower case, and its arguments as they are written but
    /// for space and comments; nil for another text.
    public static func module(ofVirtualTable sql: String) -> (name: String, arguments: [String])? {
        let tokens = SQLTokens(sql)
        var list = Array(tokens)[...]
        func isNext(_ word: String) -> Bool { list.first.map { tokens.text($0).lowercased() == word } ?? false }
        for word in ["create", "virtual", "table"] {
            guard isNext(word) else { return nil }
            list.removeFirst()
        }
        if isNext("if") { list.removeFirst(min(3, list.count)) }
        _ = list.popFirst()
        if isNext(".") { list.removeFirst(min(2, list.count)) }
        guard isNext("using") else { return nil }
        list.removeFirst()
        guard let module = list.popFirst() else { return nil }
        var arguments: [String] = []
        var depth = 0
        for token in list {
            let text = tokens.text(token)
            if text == ")" { depth -= 1 }
            if depth == 1, text == "," {
                arguments.append("")
            } else if depth > 0 {
                arguments.append((arguments.popLast() ?? "") + text)
            }
            if text == "(" { depth += 1 }
        }
        return (unquoted(tokens.text(module), module.kind == .word ? .word : .quoted).lowercased(), arguments)
    }

    /// The terms of `CREATE INDEX` without collation and order, and the condition of a partial one; nil for another text.
    public static func index(_ sql: String) -> (terms: [String], condition: String?)? {
        let tokens = SQLTokens(sql)
        let list = Array(tokens)
        func word(_ place: Int) -> String { tokens.text(list[place]).lowercased() }
        func text(_ places: ArraySlice<SQLTokens.Token>) -> String {
            guard let first = places.first, let last = places.last else { return "" }
            return tokens.text(SQLTokens.Token(kind: .word, range: first.range.lowerBound..<last.range.upperBound))
        }
        guard let open = list.indices.first(where: { list[$0].kind == .symbol && word($0) == "(" }) else { return nil }
        var terms: [ArraySlice<SQLTokens.Token>] = []
        var (depth, start, end) = (0, open + 1, open)
        for place in list.indices[open...] where list[place].kind == .symbol {
            if word(place) == "(" { depth += 1 }
            if word(place) == ")" { depth -= 1 }
            guard depth == 0 || depth == 1 && word(place) == "," else { continue }
            terms.append(list[start..<place])
            (start, end) = (place + 1, place)
            if depth == 0 { break }
        }
        guard depth == 0 else { return nil }
        let bare = terms.map { term in
            var term = term
            if let last = term.last, ["asc", "desc"].contains(tokens.text(last).lowercased()) { term.removeLast() }
            if term.count > 2, word(term.endIndex - 2) == "collate" { term.removeLast(2) }
            return text(term)
        }
        let hasCondition = end + 1 < list.count && word(end + 1) == "where"
        return (bare, hasCondition ? text(list[(end + 2)...]) : nil)
    }

    /// Where a second statement begins, and its first word; nil when there is only one. For queries: a trigger holds
    /// several and is one.
    public static func secondStatement(in sql: String) -> (offset: Int, word: String)? {
        let tokens = SQLTokens(sql)
        var (hasFirst, isAfter) = (false, false)
        for token in tokens {
            if token.kind == .symbol, tokens.text(token) == ";" {
                isAfter = hasFirst
            } else if isAfter {
                return (token.range.lowerBound, tokens.text(token))
            } else {
                hasFirst = true
            }
        }
        return nil
    }

    /// The tables and views that statements name as those that they write, without their schema, each once.
    public static func writtenTables(in sql: String) -> [String] {
        let tokens = SQLTokens(sql)
        let list = Array(tokens)
        func word(_ place: Int) -> String? {
            list.indices.contains(place) && list[place].kind == .word ? tokens.text(list[place]).lowercased() : nil
        }
        var names: [String] = []
        for index in list.indices {
            var next = index + 1
            switch (word(index), word(index - 1)) {
            case ("into", _), ("table", "alter"), ("from", "delete"), ("reindex", _): break
            case ("update", let before):
                // Not that of an upsert or of a trigger.
                if before == "do" || word(next) == "of" || word(next) == "on" { continue }
                if word(next) == "or" { next += 2 }
            default: continue
            }
            if list.indices.contains(next + 2), tokens.text(list[next + 1]) == "." { next += 2 }
            guard list.indices.contains(next), list[next].kind != .symbol, list[next].kind != .variable else {
                continue
            }
            let name = SQLText.name(list[next], tokens)
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    /// True when there is no statement: nothing but space, comments and semicolons.
    public static func isBlank(_ sql: String) -> Bool {
        let tokens = SQLTokens(sql)
        return tokens.allSatisfy { $0.kind == .symbol && tokens.text($0) == ";" }
    }

    /// The names of the columns that a query returns; nil when only the database knows them (`*`, `rowid`, an
    /// expression without AS, a WITH clause).
    public static func resultColumns(of query: String) -> [String]? {
        let tokens = SQLTokens(query)
        var rest = Array(tokens)[...]
        func keyword(_ token: SQLTokens.Token) -> String? {
            token.kind == .word ? tokens.text(token).uppercased() : nil
        }
        guard let first = rest.popFirst(), keyword(first) == "SELECT" else { return nil }
        if let next = rest.first.flatMap(keyword), next == "DISTINCT" || next == "ALL" { rest.removeFirst() }
        var names: [String] = []
        var item: [SQLTokens.Token] = []
        var depth = 0
        for token in rest {
            let text = tokens.text(token)
            if token.kind == .symbol, text == "(" { depth += 1 }
            if token.kind == .symbol, text == ")" { depth -= 1 }
            let ends = depth == 0 && (keyword(token) == "FROM" || (token.kind == .symbol && text == ";"))
            if ends || (depth == 0 && token.kind == .symbol && text == ",") {
                guard let name = columnName(item, tokens) else { return nil }
                names.append(name)
                item = []
                if ends { return names }
            } else {
                item.append(token)
            }
        }
        guard let name = columnName(item, tokens) else { return nil }
        return names + [name]
    }

    private static func columnName(_ item: [SQLTokens.Token], _ tokens: SQLTokens) -> String? {
        guard let last = item.last, last.kind == .word || last.kind == .quoted else { return nil }
        let name = unquoted(tokens.text(last), last.kind)
        if item.count > 1, tokens.text(item[item.count - 2]).uppercased() == "AS" { return name }
        // A plain column, perhaps with its table. A rowid goes by the name of the key it stands for.
        let isPlain = item.count == 1 || (item.count == 3 && tokens.text(item[1]) == ".")
        let isRowID = ["rowid", "oid", "_rowid_"].contains(name.lowercased())
        let isNumber = name.utf8.first.map { $0 >= 48 && $0 <= 57 } ?? true
        return isPlain && !isRowID && !isNumber ? name : nil
    }

    /// What a name stands for, whatever quotes it is written in.
    static func name(_ token: SQLTokens.Token, _ tokens: SQLTokens) -> String {
        unquoted(tokens.text(token), token.kind == .text ? .quoted : token.kind)
    }

    private static func unquoted(_ text: String, _ kind: SQLTokens.Kind) -> String {
        guard kind == .quoted, let mark = text.first, text.count >= 2 else { return text }
        let inner = String(text.dropFirst().dropLast())
        guard mark != "[" else { return inner }
        var plain = ""
        var skips = false
        for character in inner {
            skips = character == mark && !skips
            if !skips { plain.append(character) }
        }
        return plain
    }
}
