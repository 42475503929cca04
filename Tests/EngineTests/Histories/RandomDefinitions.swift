import BatchCore
import BatchLedger
import TestSupport

/// Statements that change the schema.
struct RandomDefinitions {
    let traits: HistoryTraits
    let scene: Scene
    /// Tells names of one batch from those of another.
    let mark: String

    func next(_ random: inout SeededRandom) -> SQLPiece? {
        switch random.below(24) {
        case 0, 1: return RandomTable.create(random.chance(70) ? "t\(mark)" : "t", [], &random)
        case 2: return drop("TABLE", scene.tables.map(\.quotedName), &random)
        case 3...10: return alter(&random)
        case 11...13: return index(&random)
        case 14: return drop("INDEX", scene.indexes.map { SQLName.quote($0.name) }, &random)
        case 15, 16: return view(&random)
        case 17: return drop("VIEW", scene.views.map(\.quotedName), &random)
        case 18, 19: return trigger(&random)
        case 20: return drop("TRIGGER", scene.triggers.map { SQLName.quote($0.name) }, &random)
        case 21: return virtual(&random)
        case 22: return .plain("ANALYZE")
        default: return copy(&random)
        }
    }

    private func drop(_ type: String, _ names: [String], _ random: inout SeededRandom) -> SQLPiece? {
        guard !names.isEmpty else { return nil }
        let name = random.pick(names)
        return .plain("DROP \(type) \(name)", on: type == "TABLE" ? name : "")
    }

    // MARK: Tables

    private func alter(_ random: inout SeededRandom) -> SQLPiece? {
        guard !scene.tables.isEmpty else { return nil }
        let table = random.pick(scene.tables)
        let name = table.quotedName
        func changed(_ words: String) -> SQLPiece { .plain("ALTER TABLE \(name) \(words)", on: name) }
        switch random.below(8) {
        case 0: return changed("RENAME TO \(SQLName.quote("renamed\(mark)"))")
        case 1, 2:
            let columns = table.columns.filter { !["x", "v"].contains($0.name) }
            guard !columns.isEmpty else { return nil }
            let column = SQLName.quote(random.pick(columns).name)
            return changed(random.chance(50) ? "DROP COLUMN \(column)" : "RENAME COLUMN \(column) TO \"c\(mark)\"")
        default: return RandomDefinitions.addColumn(to: table, mark, &random)
        }
    }

    static func addColumn(to table: TableLayout, _ mark: String, _ random: inout SeededRandom) -> SQLPiece {
        let definition =
            table.isStrict
            ? random.pick(["INT DEFAULT 7", "TEXT DEFAULT 'new'", "REAL DEFAULT 4", "ANY"])
            : random.pick([
                "INT DEFAULT 7", "DEFAULT 'new'", "REAL DEFAULT 4", "TEXT COLLATE NOCASE NOT NULL DEFAULT 'x'", "",
                "AS (x + 5)", "BLOB DEFAULT x'00ff'",
            ])
        return .plain("ALTER TABLE \(table.quotedName) ADD COLUMN \"a\(mark)\" \(definition)", on: table.quotedName)
    }

    private func copy(_ random: inout SeededRandom) -> SQLPiece? {
        guard let table = scene.tables.isEmpty ? nil : random.pick(scene.tables) else { return nil }
        return .plain("CREATE TABLE \"copy\(mark)\" AS SELECT DISTINCT x, v FROM \(table.quotedName) ORDER BY x, v")
    }

    private func virtual(_ random: inout SeededRandom) -> SQLPiece? {
        guard let table = scene.virtual.isEmpty ? nil : random.pick(scene.virtual), random.chance(60) else {
            return RandomTable.virtual(random.chance(70) ? "f\(mark)" : "r", &random)
        }
        return .plain(
            random.chance(50)
                ? "DROP TABLE \(table.quotedName)" : "ALTER TABLE \(table.quotedName) RENAME TO \"f\(mark)\"",
            on: table.quotedName)
    }

    // MARK: What belongs to tables

    func index(_ random: inout SeededRandom) -> SQLPiece? {
        guard let table = scene.tables.isEmpty ? nil : random.pick(scene.tables) else { return nil }
        let terms = random.pick(["x", "v COLLATE NOCASE", "lower(v)", "x + 1, v DESC", "x DESC, v"])
        let isUnique = random.chance(25)
        let filter = random.chance(40) ? " WHERE x > \(random.below(4))" : ""
        return .plain(
            "CREATE \(isUnique ? "UNIQUE " : "")INDEX \"i\(mark)\" ON \(table.quotedName)(\(terms))\(filter)",
            on: table.quotedName)
    }

    func view(_ random: inout SeededRandom) -> SQLPiece? {
        guard let table = scene.tables.isEmpty ? nil : random.pick(scene.tables) else { return nil }
        let name = "\"view\(mark)\""
        let other = random.pick(scene.tables)
        let query = random.pick([
            "SELECT x, v FROM \(table.quotedName) WHERE x > 1",
            "SELECT x, count(*) AS number, max(v) AS v FROM \(table.quotedName) GROUP BY x",
            "SELECT a.x, b.v FROM \(table.quotedName) a JOIN \(other.quotedName) b ON a.x = b.x",
        ])
        return .plain("CREATE VIEW \(name) AS \(query)")
    }

    func trigger(_ random: inout SeededRandom) -> SQLPiece? {
        guard let table = scene.tables.isEmpty ? nil : random.pick(scene.tables) else { return nil }
        let other = random.pick(scene.tables)
        let name = "\"trigger\(mark)\""
        if !scene.views.isEmpty, random.chance(35) {
            let view = random.pick(scene.views)
            let event = random.pick(["INSERT", "UPDATE", "DELETE"])
            let row = event == "DELETE" ? "old" : "new"
            let action = random.pick([
                "UPDATE \(table.quotedName) SET v = \(row).v || '!' WHERE x = \(row).x",
                "DELETE FROM \(table.quotedName) WHERE x = \(row).x",
            ])
            return .plain("CREATE TRIGGER \(name) INSTEAD OF \(event) ON \(view.quotedName) BEGIN \(action); END")
        }
        let event = random.pick(["INSERT", "UPDATE OF x", "UPDATE", "DELETE"])
        let row = event == "DELETE" ? "old" : "new"
        // A row that a trigger inserts gets a key from SQLite.
        let mayInsert = traits.choosesKeys || !traits.namesRowids && other.integerPrimaryKey == nil
        let action = random.pick([
            mayInsert
                ? "INSERT INTO \(other.quotedName)(x, v) VALUES(\(row).x, 'log')"
                : "UPDATE \(other.quotedName) SET x = \(row).x WHERE v = \(row).v",
            "UPDATE \(other.quotedName) SET v = \(row).v || '^' WHERE x = \(row).x",
            "DELETE FROM \(other.quotedName) WHERE x = \(row).x + 1",
            "UPDATE \(other.quotedName) SET v = (SELECT count(*) FROM \(table.quotedName)) WHERE x = 2",
        ])
        return .plain(
            "CREATE TRIGGER \(name) \(random.pick(["AFTER", "BEFORE"])) \(event) ON \(table.quotedName)"
                + "\(random.chance(30) ? " WHEN \(row).x > 2" : "") BEGIN \(action); END", on: table.quotedName)
    }
}
