import BatchCore
import TestSupport
import Testing

private let column = "ALTER TABLE bills ADD COLUMN due"

/// Repairs of level 2 that change the schema: only what is forward-only, on the newest restore points too, applies itself.
@Suite struct CorrectiveMigrationTests {
    private static func job(_ sql: String, finds: String? = nil) -> String {
        let found =
            finds
            ?? "SELECT 'due' AS key WHERE NOT EXISTS (SELECT 1 FROM pragma_table_xinfo('bills') WHERE name = 'due')"
        let script = sql.replacing("\n", with: " ")
        return "level: 2\nfinds: \"\(found)\"\nsteps:\n  - {id: a, sql: \"\(script)\"}\n"
    }

    private func scene(_ job: String, _ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with(jobs: ["repair_schema": job]) { scene in
            try scene.sql(
                HealingScene.schema + """
                    CREATE INDEX by_state ON bills(state); CREATE VIEW late AS SELECT no FROM bills WHERE state = 'late';
                    CREATE TABLE marks(text); CREATE TRIGGER logged AFTER UPDATE OF sum ON bills
                    BEGIN INSERT INTO marks VALUES(new.no); END;
                    """)
            try scene.expect(0, "run", "one", "--sql", "UPDATE bills SET state = 'a' WHERE no = 1")
            try scene.expect(0, "run", "two", "--sql", "UPDATE bills SET state = 'b' WHERE no = 1")
            try body(scene)
        }
    }

    @Test(arguments: [
        "\(column); UPDATE bills SET due = sum",
        "\(column) INTEGER NOT NULL DEFAULT 7; CREATE INDEX dues ON bills(due)",
        "\(column); CREATE TRIGGER keep AFTER UPDATE OF sum ON bills BEGIN UPDATE bills SET due = new.sum WHERE no = new.no; END",
        "\(column); CREATE TABLE notes(text); INSERT INTO notes VALUES('DROP TABLE bills'); DELETE FROM notes",
        "\(column); CREATE VIEW dues AS SELECT no, due FROM bills; PRAGMA user_version = 7",
        "\(column) AS (sum + 1); CREATE VIRTUAL TABLE words USING fts5(text); INSERT INTO words VALUES('x')",
        "/* DROP */ \(column); UPDATE bills SET due = 1, state = state || ''",
    ])
    func whatOnlyAddsAppliesItself(_ sql: String) throws {
        try scene(CorrectiveMigrationTests.job(sql)) { scene in
            let before = try scene.dump()
            try scene.expect(0, "heal", "run", "repair_schema", "--apply")
            #expect(try scene.sql("SELECT count(*) FROM pragma_table_xinfo('bills') WHERE name = 'due'") == "1")
            let row = try scene.json("audit", "list")["entries"]?.array?.first { $0["action"]?.string == "migration" }
            #expect(row?["outcome"]?.string == "passed")
            #expect(row?["details"]?["tried_on"]?.array?.prefix(3).compactMap(\.string) == ["now", "two.1", "one.1"])
            try scene.expect(0, "rollback", "--id", "repair_schema.1")
            #expect(try scene.dump() == before)
        }
    }

    @Test(arguments: [
        "\(column); UPDATE bills SET due = sum, sum = 0", "ALTER TABLE bills RENAME COLUMN state TO due",
        "ALTER TABLE parts DROP COLUMN owner; \(column)", "\(column); DELETE FROM parts WHERE bill = 4",
        "\(column); INSERT INTO bills(no, owner, sum, state) VALUES(9, 'a', 1, 'new')",
        "\(column); DROP INDEX by_state",
        "\(column); DROP VIEW late; CREATE VIEW late AS SELECT no FROM bills", "\(column); DROP TRIGGER logged",
        "\(column); CREATE TABLE json_each(a)", "\(column); ALTER TABLE parts ADD COLUMN oid",
        "\(column); PRAGMA application_id = 7", "\(column); ALTER TABLE parts RENAME TO pieces",
        """
        \(column); CREATE TRIGGER sly AFTER UPDATE OF due ON bills
        BEGIN UPDATE bills SET state = 'x' WHERE no = new.no; END; UPDATE bills SET due = sum
        """,
        // The trigger that is there already writes into another table.
        "\(column); UPDATE bills SET due = 1, sum = sum",
        """
        DROP VIEW late; CREATE TABLE copy(no INTEGER PRIMARY KEY, owner TEXT NOT NULL, sum INTEGER NOT NULL, state TEXT NOT NULL, due);
        INSERT INTO copy SELECT *, 1 FROM bills; DROP TABLE bills; ALTER TABLE copy RENAME TO bills;
        CREATE VIEW late AS SELECT no FROM bills WHERE state = 'late'
        """,
    ])
    func whatDoesMoreBecomesAPlan(_ sql: String) throws {
        try scene(CorrectiveMigrationTests.job(sql)) { scene in
            let before = try scene.dump()
            let result = try scene.tool("heal", "run", "repair_schema", "--apply")
            #expect(result.code == 7, "\(sql): \(result.out)\(result.err)")
            #expect(try scene.dump() == before)
            let row = try scene.json("audit", "list")["entries"]?.array?.first { $0["action"]?.string == "migration" }
            #expect(row?["outcome"]?.string == "planned")
            #expect(row?["details"]?["because"]?.string?.contains("forward-only") == true, "\(String(describing: row))")
            #expect(try scene.json("plan", "list")["plans"]?.array?.count == 1)
        }
    }

    @Test func aTemporaryTriggerHidesNothing() throws {
        let sql =
            "CREATE TEMP TRIGGER sly AFTER UPDATE ON main.bills BEGIN UPDATE bills SET state = 'x' WHERE no = new.no; END; "
            + "\(column); UPDATE bills SET due = 1"
        try scene(CorrectiveMigrationTests.job(sql)) { scene in
            let before = try scene.dump()
            let result = try scene.expect(3, "heal", "run", "repair_schema", "--apply")
            #expect(result.out.contains(ErrorCode.rehearsalFailed.rawValue), "\(result.out)")
            #expect(try scene.dump() == before)
        }
    }

    @Test func itRunsOnTheNewestPointsToo() throws {
        let sql = "\(column); ALTER TABLE extra ADD COLUMN b"
        try scene(CorrectiveMigrationTests.job(sql)) { scene in
            try scene.expect(0, "run", "more", "--sql", "CREATE TABLE extra(a)")
            let result = try scene.tool("heal", "run", "repair_schema", "--apply", "--json")
            #expect(result.code == 7, "\(result.out)")
            let plan = try scene.json("plan", "show", "--id", "plan.1")
            #expect(JSONWriter.text(plan).contains("fails on a copy of two.1"))
            // With three points that have the table it applies itself.
            for name in ["a", "b"] { try scene.expect(0, "run", name, "--sql", "INSERT INTO extra VALUES('\(name)')") }
            try scene.expect(0, "heal", "run", "repair_schema", "--apply")
        }
    }

    /// A job that is no repair, and a repair that leaves the schema alone, are handled as before.
    @Test func othersAreNotAsked() throws {
        let repair =
            "level: 2\nfinds: SELECT no AS key FROM bills WHERE state = 'a'\nsteps:\n  - {id: a, sql: DELETE FROM bills WHERE state = 'a'}\n"
        try scene(repair) { scene in
            try scene.write(
                "catalog/plain.yaml",
                "id: plain\nversion: 1.0.0\nlevel: 2\nsteps:\n  - {id: a, sql: DROP INDEX by_state}\n")
            try scene.expect(0, "run", "three", "--sql", "UPDATE bills SET state = 'a' WHERE no = 2")
            try scene.expect(0, "heal", "run", "repair_schema", "--apply")
            try scene.expect(0, "run", "plain")
            let rows = try scene.json("audit", "list")["entries"]?.array ?? []
            #expect(!rows.contains { $0["action"]?.string == "migration" })
        }
    }
}
