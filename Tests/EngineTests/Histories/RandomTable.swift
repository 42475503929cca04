import BatchCore
import BatchLedger
import TestSupport

/// A CREATE TABLE of one of the shapes that an undo has to know.
struct RandomTable {
    private typealias Part = SQLPiece.Part

    private enum Shape: CaseIterable {
        case integerKey, counted, textKey, noKey, withoutRowid, composite, compositeWithoutRowid, hiddenRowid,
            descending
    }

    private static let shapes: [Shape] =
        [
            .integerKey, .integerKey, .integerKey, .integerKey, .counted, .counted, .textKey, .textKey, .noKey, .noKey,
            .withoutRowid, .withoutRowid,
        ] + [.composite, .compositeWithoutRowid, .hiddenRowid, .descending]

    private let shape: Shape
    private let isStrict: Bool
    private var parts: [Part] = []

    static func create(_ name: String, _ parents: [RandomSchema.Parent], _ random: inout SeededRandom) -> SQLPiece {
        RandomTable(name, parents, &random).piece(name)
    }

    private init(_ name: String, _ parents: [RandomSchema.Parent], _ random: inout SeededRandom) {
        shape = random.pick(RandomTable.shapes)
        isStrict = random.chance(20)
        let key = keyColumns(&random)
        let values = valueColumns(name, parents, &random)
        let generated = generatedColumns(&random)
        parts = random.chance(30) ? generated + key + values : key + values + generated
        parts += constraints(&random)
    }

    private func piece(_ name: String) -> SQLPiece {
        let quoted = SQLName.quote(name)
        let isWithoutRowid = shape == .withoutRowid || shape == .compositeWithoutRowid
        let words = (isWithoutRowid ? ["WITHOUT ROWID"] : []) + (isStrict ? ["STRICT"] : [])
        return SQLPiece(.create, quoted, "CREATE TABLE \(quoted)", parts, tail: " " + words.joined(separator: ", "))
    }

    /// The columns of a table that foreign keys may name.
    static func parents(in piece: SQLPiece, _ name: String) -> [RandomSchema.Parent] {
        piece.parts.compactMap { part in
            guard let column = part.column else { return nil }
            let isKey = part.text.contains("PRIMARY KEY") || part.text.contains(" UNIQUE")
            guard isKey else { return nil }
            return RandomSchema.Parent(name: name, columns: column, isInteger: part.text.contains(" INT"))
        }
    }

    // MARK: Columns

    private static func part(_ column: String, _ definition: String) -> Part {
        Part(column: SQLName.quote(column), text: SQLName.quote(column) + " " + definition)
    }

    private static func collation(_ random: inout SeededRandom) -> String {
        random.pick(["", " COLLATE NOCASE", " COLLATE NOCASE", " COLLATE RTRIM"])
    }

    private func keyColumns(_ random: inout SeededRandom) -> [Part] {
        let text = "TEXT" + RandomTable.collation(&random)
        switch shape {
        case .integerKey: return [RandomTable.part("id", "INTEGER PRIMARY KEY")]
        case .counted: return [RandomTable.part("id", "INTEGER PRIMARY KEY AUTOINCREMENT")]
        case .descending: return [RandomTable.part("id", "INTEGER PRIMARY KEY DESC")]
        case .textKey: return [RandomTable.part("id", text + " PRIMARY KEY")]
        case .withoutRowid: return [RandomTable.part("id", random.pick(["INT", text]) + " PRIMARY KEY")]
        case .noKey: return [RandomTable.part("id", "INT")]
        case .composite, .compositeWithoutRowid:
            return [RandomTable.part("id", "INT"), RandomTable.part("k", text)]
        case .hiddenRowid:
            return [
                RandomTable.part("rowid", "INT"), RandomTable.part("_rowid_", "INT"), RandomTable.part("oid", "TEXT"),
            ]
        }
    }

    private func valueColumns(
        _ name: String, _ parents: [RandomSchema.Parent], _ random: inout SeededRandom
    ) -> [Part] {
        var columns: [Part] = []
        if random.chance(65) {
            columns.append(
                RandomTable.part(
                    "u",
                    random.pick(["INT", "INT UNIQUE", "INT UNIQUE", "TEXT\(RandomTable.collation(&random)) UNIQUE"])))
        }
        columns.append(RandomTable.part("x", "INT" + reference(name, parents, &random)))
        columns.append(RandomTable.part("v", "TEXT" + (random.chance(8) ? " NOT NULL DEFAULT 'none'" : "")))
        if random.chance(35) { columns.append(RandomTable.part("r", "REAL")) }
        if random.chance(35) {
            columns.append(RandomTable.part("b \"odd\"", isStrict ? "ANY" : random.pick(["", "NUMERIC", "BLOB"])))
        }
        if random.chance(25) { columns.append(RandomTable.part("d", "INT DEFAULT 7")) }
        if random.chance(4) {
            columns += (0..<70).map { RandomTable.part("c\($0)", "INT" + ($0 % 3 == 0 ? " DEFAULT 5" : "")) }
        }
        return columns
    }

    private func reference(_ name: String, _ parents: [RandomSchema.Parent], _ random: inout SeededRandom) -> String {
        var choice = parents.filter(\.isInteger)
        if shape == .integerKey || shape == .counted {
            choice.append(RandomSchema.Parent(name: name, columns: "\"id\"", isInteger: true))
        }
        guard !choice.isEmpty, random.chance(55) else { return "" }
        let parent = random.pick(choice)
        let action = random.pick([
            "", "", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON DELETE CASCADE ON UPDATE CASCADE",
            " ON UPDATE SET NULL", " DEFERRABLE INITIALLY DEFERRED", " ON UPDATE CASCADE",
        ])
        return " REFERENCES \(SQLName.quote(parent.name))(\(parent.columns))\(action)"
    }

    private func generatedColumns(_ random: inout SeededRandom) -> [Part] {
        guard random.chance(35) else { return [] }
        let kind = random.pick([" VIRTUAL", " STORED"])
        let columns = [
            RandomTable.part("g", "INT AS (x % 100)" + kind),
            RandomTable.part("h", "TEXT GENERATED ALWAYS AS (v || '/' || x)" + random.pick([" VIRTUAL", " STORED"])),
        ]
        return random.chance(30) ? columns : [random.pick(columns)]
    }

    private func constraints(_ random: inout SeededRandom) -> [Part] {
        var list: [Part] = []
        if shape == .composite || shape == .compositeWithoutRowid {
            list.append(
                Part(
                    column: nil,
                    text: random.pick(["PRIMARY KEY(k, id)", "PRIMARY KEY(id, k)", "PRIMARY KEY(k DESC, id)"])))
        }
        if random.chance(10) { list.append(Part(column: nil, text: "CHECK(x IS NULL OR x < 100)")) }
        if random.chance(8), shape != .hiddenRowid { list.append(Part(column: nil, text: "UNIQUE(x, v)")) }
        return list
    }

    // MARK: Virtual tables

    static func virtual(_ name: String, _ random: inout SeededRandom) -> SQLPiece {
        let quoted = SQLName.quote(name)
        let module =
            name == "r"
            ? random.pick(["rtree(id, x0, x1)", "rtree_i32(id, x0, x1, y0, y1)", "rtree(id, x0, x1, +note)"])
            : random.pick([
                "fts5(a, b)", "fts5(a, b)", "fts5(a, b UNINDEXED, prefix = '2')", "fts4(a, b)", "fts3(a, b)",
                "fts5(a, b, tokenize = 'porter unicode61')",
            ])
        return .plain("CREATE VIRTUAL TABLE \(quoted) USING \(module)", on: quoted)
    }
}
