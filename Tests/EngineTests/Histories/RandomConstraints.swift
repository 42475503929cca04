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
        let integers = parents.filter(\.isInteger)
        guard !integers.isEmpty, random.chance(30) else { return piece }
        let parent = random.pick(integers)
        let kind = random.pick(["VIRTUAL", "STORED"])
        let value = random.pick(["INT AS (x + 0)", "TEXT AS (x || '.0')", "TEXT AS ('' || x)", "REAL AS (x * 1.0)"])
        let text = "\"y\" \(value) \(kind) REFERENCES \(SQLName.quote(parent.name))(\(parent.columns))"
        let place = piece.parts.firstIndex { $0.column == nil } ?? piece.parts.count
        piece.parts.insert(SQLPiece.Part(column: "\"y\"", text: text), at: place)
        return piece
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
