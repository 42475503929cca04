import BatchCore
import TestSupport
import Testing

/// `--dry-run` of the verbs that are not `run` and `rollback`: it tells what would happen, and nothing does.
@Suite struct PreviewTests {
    /// The dry run leaves the database as it is, byte for byte, and tells what the verb then does.
    private static func expectForetold(
        _ words: [String], by database: SampleDatabase, at location: SourceLocation = #_sourceLocation
    ) throws {
        let before = try database.shell("sha256sum \"$DB\"; ls \"$BACKUPS\"").out
        let shown = try database.tool(words + ["-n"])
        #expect(shown.code == 0, "\(shown.err)", sourceLocation: location)
        #expect(shown.out.contains("dry run"), "\(shown.out)", sourceLocation: location)
        let foretold = try JSONParser.parse(try database.tool(words + ["-n", "--json"]).out)
        #expect(foretold["dry_run"] == .bool(true), sourceLocation: location)
        let after = try database.shell("sha256sum \"$DB\"; ls \"$BACKUPS\" | grep -v -e control.db -e logs").out
        #expect(before.split(separator: "\n").first == after.split(separator: "\n").first, sourceLocation: location)
        for file in after.split(separator: "\n") {
            #expect(before.contains(file), "\(file) is new", sourceLocation: location)
        }
        let done = try database.tool(words)
        #expect(done.code == 0, "\(done.err)", sourceLocation: location)
        let made = try JSONParser.parse(try database.tool("diff", "latest", "--json").out)
        #expect(foretold["counts"] == made["counts"], sourceLocation: location)
        #expect(foretold["changes"] == made["changes"], sourceLocation: location)
    }

    @Test(arguments: [
        ["restore", "import.1", "--in-place"], ["restore", "import.1^", "--in-place"],
        ["restore", "import.1", "--table", "invoices"],
        ["restore", "import.1", "--table", "invoices", "--where", "id = 3"],
        ["drift", "undo"],
    ])
    func whatADryRunTellsIsWhatHappens(words: [String]) throws {
        try SampleDatabase.withBatches { database in
            if words[0] == "drift" {
                try database.sql(
                    "UPDATE customers SET name = 'other' WHERE id = 2; DELETE FROM rates WHERE code = 'eur'")
            }
            try Self.expectForetold(words, by: database)
        }
    }

    @Test func aDryRunOfARestoreIsRefusedAsTheRestoreWouldBe() throws {
        try SampleDatabase.withBatches { database in
            try database.sql("PRAGMA foreign_keys = OFF; DELETE FROM customers WHERE id = 2")
            let words = ["restore", "import.1", "--table", "invoices", "--where", "id = 3"]
            let result = try database.tool(words + ["--dry-run"])
            #expect(result.code == 4, "\(result.err)")
            #expect(result.err.hasPrefix("error: ERR_DATA_CONFLICT: "), "\(result.err)")
            let file = try database.tool(["restore", "import.1", "--to", database.folder + "/new.db", "-n"])
            #expect(file.code == 2)
        }
    }

    @Test func resumeTellsWhatIsLeft() throws {
        let job = """
            steps:
              - id: a
                for_each: SELECT id AS k FROM line ORDER BY id
                chunk: 3
                sql: UPDATE line SET n = n + 10 / (:k <> 8 OR (SELECT open FROM gate)) WHERE id = :k
            """
        try BadLuckScene.with(jobs: ["raise": job]) { scene in
            try scene.sql(
                """
                CREATE TABLE line(id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
                INSERT INTO line SELECT value, 100 FROM json_each('[1,2,3,4,5,6,7,8,9,10]');
                CREATE TABLE gate(open INT NOT NULL); INSERT INTO gate VALUES(0)
                """)
            try scene.expect(1, "run", "raise")
            // It fails again, and the dry run says so.
            #expect(try scene.tool("resume", "raise", "-n").err.contains("item 8 of 10"))
            try scene.sql("UPDATE gate SET open = 1")
            let before = try scene.dump()
            let told = try scene.json("resume", "raise", "-n")
            #expect(told["status"]?.string == "discarded", "\(told)")
            #expect(told["rows"]?["updated"]?.integer == 4)
            #expect(try scene.dump() == before)
            #expect(try scene.status("raise.1") == "failed")
            try scene.expect(0, "resume", "raise")
            #expect(try scene.sql("SELECT count(*) FROM line WHERE n = 110") == "10")
        }
    }

    @Test func aSwitchIsNotSet() throws {
        try BadLuckScene.with { scene in
            let words = ["switch", "set", "safe_mode", "--value", "on", "--reason", "x"]
            let told = try scene.expect(0, words + ["--dry-run"])
            #expect(told.out == "safe_mode would be on, and is off\ndry run, nothing was set\n")
            #expect(try scene.json("switch", "list")["switches"]?.array?.isEmpty == true)
            try scene.expect(0, words)
            #expect(try scene.expect(0, words + ["-n"]).out.hasPrefix("safe_mode would be on still\n"))
            try scene.expect(
                .unknownSwitch, from: ["switch", "set", "job:mult", "--value", "disabled", "--reason", "x", "-n"])
        }
    }
}
