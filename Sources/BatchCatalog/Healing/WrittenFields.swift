internal import BatchCore

extension SourceText {
    /// Tells of fields that a step writes, and for which the mapping has no column.
    mutating func reportWritten(in text: String, _ mapping: Mapping) {
        var seen: [String: Int] = [:]
        for placeholder in Mapping.placeholders(in: text) {
            let count = seen[placeholder.text, default: 0]
            seen[placeholder.text] = count + 1
            guard let field = placeholder.field, let concept = mapping.concepts[placeholder.concept],
                mapping.sql(placeholder) != nil, concept.fields[field]?.isColumn != true,
                !(field == "key" && concept.key.count == 1), placeholder.isWritten(in: text)
            else { continue }
            report(
                mark(of: placeholder.range.lowerBound, in: text), length: placeholder.text.count,
                "\(placeholder.text): a step writes it, and catalog/mapping.yaml has no column for it but an expression; name a column under \(placeholder.concept), \(field)"
            )
        }
    }

    private func mark(of index: String.Index, in text: String) -> YAMLMark {
        let before = text[..<index]
        let line = before.count { $0.isNewline } + 1
        let start = before.lastIndex(where: \.isNewline).map { text.index(after: $0) } ?? text.startIndex
        return YAMLMark(line: line, column: text[start..<index].unicodeScalars.count + 1)
    }
}

extension Mapping.Placeholder {
    /// It stands where a statement assigns to it: `SET {a} = 1, {b} = 2`, or `INSERT INTO t({a}, {b})`.
    fileprivate func isWritten(in text: String) -> Bool {
        let after = text[range.upperBound...].drop(while: \.isWhitespace)
        if after.first == "=", after.dropFirst().first != "=" {
            return Mapping.Placeholder.lastWord(text[..<range.lowerBound], of: Mapping.Placeholder.clauses).word
                == "set"
        }
        guard after.first == "," || after.first == ")" else { return false }
        let found = Mapping.Placeholder.lastWord(text[..<range.lowerBound], of: Mapping.Placeholder.clauses)
        guard found.word == nil, let open = found.open else { return false }
        // After INTO and the name of the table.
        let before = text[..<open].split(whereSeparator: { $0.isWhitespace })
        return before.count >= 2 && before[before.count - 2].lowercased() == "into"
    }

    private static let clauses: Set<String> = [
        "set", "select", "where", "from", "on", "having", "values", "by", "returning", "case", "when", "then", "sql",
        "finds", "check",
    ]

    /// The last of these words before the end of a text, on the same level of parentheses; or where the level begins.
    private static func lastWord(_ text: Substring, of words: Set<String>) -> (word: String?, open: String.Index?) {
        var (depth, end) = (0, text.endIndex)
        while end > text.startIndex {
            let index = text.index(before: end)
            let character = text[index]
            if character == ")" { depth += 1 }
            if character == "(" {
                if depth == 0 { return (nil, index) }
                depth -= 1
            }
            guard depth == 0, character.isLetter else {
                end = index
                continue
            }
            var start = index
            while start > text.startIndex, isNamePart(text[text.index(before: start)]) {
                start = text.index(before: start)
            }
            let word = text[start..<end].lowercased()
            let isField = start > text.startIndex && ["{", "."].contains(text[text.index(before: start)])
            if words.contains(word), !isField { return (word, nil) }
            end = start
        }
        return (nil, nil)
    }

    private static func isNamePart(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }
}
