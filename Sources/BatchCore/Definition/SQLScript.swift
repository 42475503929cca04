/// A script as people and other tools write it. What holds for the whole of it is taken out, since every checkpoint is
/// one transaction already: an outer BEGIN … COMMIT, and `PRAGMA foreign_keys`, which SQLite ignores in a transaction.
public struct SQLScript: Sendable {
    /// `PRAGMA foreign_keys` before the first change; nil when the script says nothing.
    public let foreignKeys: Bool?
    /// What is left, in the order of the text.
    public let statements: [Statement]
    /// Settings of the connection that it changes, in lower case.
    public let settings: Set<String>
    /// True when it holds VACUUM, which no transaction can.
    public let vacuums: Bool

    public struct Statement: Hashable, Sendable {
        public let text: String
        /// Where it begins, counted from 1.
        public let line: Int
    }

    /// Settings that end with the step.
    public static let ownSettings: Set<String> = ["recursive_triggers", "legacy_alter_table", "defer_foreign_keys"]

    public init(_ sql: String) {
        let tokens = SQLTokens(sql)
        let pieces = SQLScript.pieces(tokens)
        var taken: Set<Int> = []
        var isOn: Bool?
        let lead = pieces.prefix { $0.isPreparation }
        let last = pieces.lastIndex { !$0.isEnding } ?? -1
        let trail = lead.count == pieces.count ? pieces[...] : pieces[(last + 1)...]
        for piece in lead {
            guard let setting = piece.setting, setting.name == "foreign_keys", let value = setting.value else {
                continue
            }
            isOn = ["on", "1", "yes", "true"].contains(value)
            taken.insert(piece.range.lowerBound)
        }
        // Recipes of migrations end with the setting that they found.
        for piece in trail where piece.setting?.name == "foreign_keys" && piece.setting?.value != nil {
            taken.insert(piece.range.lowerBound)
        }
        let (begins, commits) = (pieces.filter { $0.begins }, pieces.filter { $0.commits })
        if begins.count == 1, commits.count == 1, lead.contains(where: { $0.begins }),
            trail.contains(where: { $0.commits })
        {
            taken.formUnion([begins[0].range.lowerBound, commits[0].range.lowerBound])
        }
        foreignKeys = isOn
        settings = Set(pieces.compactMap { $0.setting?.value == nil ? nil : $0.setting?.name })
            .intersection(SQLScript.ownSettings)
        vacuums = pieces.contains { $0.words.first == "vacuum" }
        statements = SQLScript.statements(pieces.filter { !taken.contains($0.range.lowerBound) }, tokens.bytes)
    }

    private static func statements(_ pieces: [Piece], _ bytes: [UInt8]) -> [Statement] {
        var (line, place) = (1, 0)
        return pieces.map { piece in
            line += bytes[place..<piece.range.lowerBound].count { $0 == 10 }
            place = piece.range.lowerBound
            return Statement(text: String(decoding: bytes[piece.range], as: UTF8.self), line: line)
        }
    }

    // MARK: Statements

    /// One statement, by its first words.
    private struct Piece {
        var range: Range<Int>
        /// In lower case, without quotes; no more than it takes to tell what it is.
        var words: [String]

        /// `PRAGMA name`, `PRAGMA schema.name = value`, `PRAGMA name(value)`.
        var setting: (name: String, value: String?)? {
            guard words.first == "pragma" else { return nil }
            var rest = words.dropFirst()
            if rest.count > 2, rest[rest.startIndex + 1] == "." { rest = rest.dropFirst(2) }
            guard let name = rest.first else { return nil }
            let value =
                rest.count > 2 && ["=", "("].contains(rest[rest.startIndex + 1]) ? rest[rest.startIndex + 2] : nil
            return (name, value)
        }

        var begins: Bool {
            words.first == "begin"
                && words.dropFirst().allSatisfy { ["deferred", "immediate", "exclusive", "transaction"].contains($0) }
        }

        var commits: Bool {
            ["commit", "end"].contains(words.first) && words.dropFirst().allSatisfy { $0 == "transaction" }
        }

        private var isReading: Bool { ["select", "pragma"].contains(words.first) }
        var isPreparation: Bool { isReading || begins }
        var isEnding: Bool { isReading || commits }
    }

    private static let mostWords = 7

    private static func pieces(_ tokens: SQLTokens) -> [Piece] {
        var pieces: [Piece] = []
        var piece: Piece?
        // A trigger ends with END after a semicolon.
        var (last, beforeLast) = ("", "")
        for token in tokens {
            let isSymbol = token.kind == .symbol
            let needsText = isSymbol || token.range.count == 3 || (piece?.words.count ?? 0) < mostWords
            let text = needsText ? SQLText.name(token, tokens).lowercased() : ""
            if var open = piece {
                open.range = open.range.lowerBound..<token.range.upperBound
                if isSymbol, text == ";", !isTrigger(open) || (last == "end" && beforeLast == ";") {
                    pieces.append(open)
                    piece = nil
                } else {
                    if open.words.count < mostWords { open.words.append(text) }
                    piece = open
                }
            } else if !isSymbol || text != ";" {
                piece = Piece(range: token.range, words: [text])
            }
            (beforeLast, last) = (last, text)
        }
        return pieces + (piece.map { [$0] } ?? [])
    }

    private static func isTrigger(_ piece: Piece) -> Bool {
        piece.words.first == "create" && piece.words.dropFirst().prefix(2).contains("trigger")
    }
}
