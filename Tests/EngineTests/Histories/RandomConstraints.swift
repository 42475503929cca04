import BatchCore
import BatchLedger
import TestSupport

/// Constraints that the stored columns of a row do not show, and clauses of the schema that say what becomes of a row that
/// breaks one.
struct RandomConstraints {
    /// Seeds from here on have them: those below keep the histories that they always had.
    static let firstSeed: UInt64 = 10_000

    /// A table with clauses, and with references of generated and converted columns.
    static func extended(
        _ piece: SQLPiece, _ parents: [RandomSchema.Parent], _ random: inout SeededRandom
    ) -> SQLPiece {
        var piece = piece
        piece.parts = piece.parts.map { part in
            random.chance(25)
                ? SQLPiece.Part(column: part.column, text: clause(in: part.text, random.pick(actions))) : part
        }
        let place = piece.parts.firstIndex { $0.column == nil } ?? piece.parts.count
        // A generated column that others may refer to.
        if random.chance(20) {
            let value = random.pick([
                "INT AS (x * 2) STORED UNIQUE", "INT AS (x + 1) VIRTUAL UNIQUE", "INT AS (x) UNIQUE",
            ])
            piece.parts.insert(SQLPiece.Part(column: "\"q\"", text: "\"q\" " + value), at: place)
        }
        guard !parents.isEmpty, random.chance(30) else { return piece }
        let parent = random.pick(parents)
        let kind = random.pick(["VIRTUAL", "STORED"])
        let value = random.pick(["INT AS (x + 0)", "TEXT AS (x || '.0')", "TEXT AS ('' || x)", "REAL AS (x * 1.0)"])
        let text = "\"y\" \(value) \(kind) REFERENCES \(SQLName.quote(parent.name))(\(parent.columns))"
        piece.parts.insert(SQLPiece.Part(column: "\"y\"", text: text), at: place)
        return piece
    }

    /// A full-text index over the rows of a table, kept by triggers; none without a key that it can name.
    static func textIndex(on piece: SQLPiece, _ name: String, _ random: inout SeededRandom) -> [SQLPiece] {
        guard piece.parts.contains(where: { $0.text.hasPrefix("\"id\" INTEGER PRIMARY KEY") }), random.chance(30) else {
            return []
        }
        let index = SQLName.quote("words of " + name)
        let table = SQLName.quote(name)
        let content = SQLName.literal(name)
        func trigger(_ event: String, _ statements: [String]) -> SQLPiece {
            let body = statements.map { $0 + "; " }.joined()
            return .plain(
                "CREATE TRIGGER \(SQLName.quote("\(event) of \(name)")) AFTER \(event) ON \(table) BEGIN \(body)END")
        }
        let add = "INSERT INTO \(index)(rowid, v) VALUES(new.id, new.v)"
        let remove = "INSERT INTO \(index)(\(index), rowid, v) VALUES('delete', old.id, old.v)"
        return [
            .plain("CREATE VIRTUAL TABLE \(index) USING fts5(v, content=\(content), content_rowid='id')"),
            trigger("INSERT", [add]), trigger("DELETE", [remove]), trigger("UPDATE", [remove, add]),
        ]
    }

    private static let actions = ["ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"]

    private static func clause(in text: String, _ action: String) -> String {
        let words = " ON CONFLICT \(action)"
        if text.hasPrefix("PRIMARY KEY(") || text.hasPrefix("UNIQUE(") { return text + words }
        for key in ["PRIMARY KEY DESC", "PRIMARY KEY", "NOT NULL", " UNIQUE"] where text.contains(key) {
            return text.replacing(key, with: key + words)
        }
        return text
    }

    /// A unique index that is partial, or on expressions.
    static func index(on name: String, _ random: inout SeededRandom) -> SQLPiece {
        let table = SQLName.quote(name)
        let terms = random.pick([
            "(v COLLATE NOCASE) WHERE x > 3", "(x % 50, length(v))", "(coalesce(v, ''), x) WHERE v IS NOT NULL",
            "(lower(v), x) WHERE x % 2 = 0", "(x) WHERE v = 'one'", "(abs(x) DESC, v)",
        ])
        return .plain("CREATE UNIQUE INDEX \(SQLName.quote("only " + name)) ON \(table)\(terms)", on: table)
    }
}
