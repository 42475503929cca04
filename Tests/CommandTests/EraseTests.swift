import BatchCatalog
import BatchCore
import BatchEngine
import TestSupport
import Testing

/// Rows that are erased are gone from every record, and everything else is as it was.
@Suite struct EraseTests {
    private static let schema = """
        CREATE TABLE people(id INTEGER PRIMARY KEY, email TEXT, city TEXT);
        INSERT INTO people VALUES(1, 'ann@secret.example', 'Lyon'), (2, 'bob@open.example', 'Lyon'), (3, 'cy@open.example', 'Nice');
        WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO people SELECT i, 'p' || i || '@open.example', 'Metz' FROM n
        """

    private static let delta = """
        snapshot: delta
        steps:
          - id: a
            sql: UPDATE people SET city = city || '!' WHERE id < 20
          - id: b
            sql: INSERT INTO people(email, city) VALUES('late@open.example', 'Paris')
        """

    /// Batches that write, move, delete and bring back the person's row, and others.
    private func scene(_ schema: String = schema, _ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with(jobs: ["d": EraseTests.delta]) { scene in
            try scene.sql(schema)
            try scene.expect(
                0, "run", "--id", "one", "--sql",
                "UPDATE people SET city = 'Paris' WHERE id <= 2; INSERT INTO people VALUES(4, 'ann.second@secret.example', 'Brest')"
            )
            try scene.expect(0, "run", "--id", "d")
            try scene.expect(
                0, "run", "--id", "two", "--sql",
                "UPDATE people SET email = 'ann.third@secret.example' WHERE id = 1; UPDATE people SET city = 'Nantes' WHERE id = 3"
            )
            try scene.expect(
                0, "run", "--id", "three", "--sql", "DELETE FROM people WHERE id = 4")
            try scene.expect(0, "rollback", "--id", "three")
            try scene.expect(0, "run", "--id", "four", "--sql", "UPDATE items SET qty = 9")
            try body(scene)
        }
    }

    /// Lines of all files, git objects and compressed blocks that still hold the words.
    private func traces(_ words: String, _ scene: BadLuckScene) throws -> String {
        let script = """
            import glob, os, re, sqlite3, subprocess, sys, zlib
            words = sys.argv[1].encode()
            def look(name, data):
                if words in data: print(name)
            for folder, _, files in os.walk('.'):
                for name in files:
                    path = os.path.join(folder, name)
                    data = open(path, 'rb').read()
                    look(path, data)
                    if path.endswith('.pack'):
                        for start in range(len(data) - 2):
                            if data[start] == 0x78:
                                try: look(path + ' deflated', zlib.decompressobj().decompress(data[start:]))
                                except zlib.error: pass
            git = ['git', '--git-dir', 'backups/batch_manager/history.git']
            for line in subprocess.run(git + ['cat-file', '--batch-check', '--batch-all-objects'], capture_output=True, text=True).stdout.split('\\n'):
                if line: look('git ' + line, subprocess.run(git + ['cat-file', line.split()[1], line.split()[0]], capture_output=True).stdout)
            files = glob.glob('backups/batch_manager/*.bak') + ['app.db']
            for path in files:
                database = sqlite3.connect(path)
                for table in ('batchmgr_bak_block', 'batchmgr_undo'):
                    if database.execute('SELECT 1 FROM sqlite_schema WHERE name = ?', (table,)).fetchone():
                        for (data,) in database.execute('SELECT data FROM ' + table):
                            look(path + ' ' + table, subprocess.run(['zstd', '-dcq'], input=data, capture_output=True).stdout)
            """
        let result = try scene.shell("python3 -c \"$1\" \"$2\"", [script, words])
        return result.out + result.err
    }

    /// The index keeps words of all rows together, in blocks of its own, in every record.
    @Test(arguments: ["ALTER TABLE p ADD COLUMN z", "INSERT INTO p VALUES(3, 'x')"])
    func aConditionMeansTheCollationOfItsColumnAlsoBeforeAnAlter(_ second: String) throws {
        try BadLuckScene.with { scene in
            try scene.sql("CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE)")
            try scene.sql("INSERT INTO p VALUES(1, 'Ann'), (2, 'Bob')")
            try scene.expect(0, "run", "--id", "change", "--sql", "UPDATE p SET name = 'Zoe' WHERE id = 1")
            try scene.expect(0, "run", "--id", "second", "--sql", second)
            try scene.expect(0, "erase", "--table", "p", "--where", "name = 'ann'", "--yes")
            #expect(try scene.sql("SELECT count(*) FROM p WHERE id = 1") == "0")
            try scene.expect(0, "restore", "--point", "change.1^", "--to", "old.db")
            #expect(try scene.sql("SELECT group_concat(name) FROM p", in: "old.db") == "Bob")
        }
    }

    @Test func noWordIsLeftInAFullTextIndex() throws {
        let index = """
            CREATE VIRTUAL TABLE search USING fts5(email, city, content='people', content_rowid='id');
            CREATE TRIGGER people_in AFTER INSERT ON people BEGIN
              INSERT INTO search(rowid, email, city) VALUES(new.id, new.email, new.city); END;
            CREATE TRIGGER people_out AFTER DELETE ON people BEGIN
              INSERT INTO search(search, rowid, email, city) VALUES('delete', old.id, old.email, old.city); END;
            CREATE TRIGGER people_up AFTER UPDATE ON people BEGIN
              INSERT INTO search(search, rowid, email, city) VALUES('delete', old.id, old.email, old.city);
              INSERT INTO search(rowid, email, city) VALUES(new.id, new.email, new.city); END;
            INSERT INTO search(search) VALUES('rebuild')
            """
        try scene(EraseTests.schema.replacing("ann@secret.example", with: "zyxwvut@secret.example") + ";" + index) {
            scene in
            #expect(try !traces("zyxwvut", scene).isEmpty)
            let done = try scene.json("erase", "--table", "people", "--where", "id IN (1, 4)", "--yes")
            #expect(done["rows"]?.integer == 2, "\(done)")
            #expect(try traces("zyxwvut", scene) == "")
            try scene.sql("INSERT INTO search(search, rank) VALUES('integrity-check', 1)")
            #expect(try scene.sql("SELECT count(*) FROM search('zyxwvut')") == "0")
            #expect(try scene.sql("SELECT group_concat(rowid) FROM search('open AND nantes')") == "3")
            try scene.expectWhole("after erase")
            let drill = try scene.json("drill")
            #expect(drill["ok"]?.bool == true, "\(drill)")
            try scene.expect(0, "restore", "--point", "one.1", "--to", "one.db")
            try scene.expect(0, "rollback", "--id", "four")
            try scene.expectWhole("after a rollback")
        }
    }

    @Test func noTraceIsLeftAndTheRestIsWhole() throws {
        try scene { scene in
            #expect(try !traces("secret.example", scene).isEmpty)
            let others = "SELECT group_concat(id || email || city) FROM people WHERE email NOT LIKE '%secret%'"
            let before = try scene.sql(others)
            let commits = try scene.shell("git --git-dir backups/batch_manager/history.git log --format=%s main").out
            let plan = try scene.json(
                "erase", "--table", "people", "--where", "email LIKE '%secret.example'", "--dry-run")
            #expect(plan["rows"]?.integer == 2, "\(plan)")
            #expect(try !traces("secret.example", scene).isEmpty)
            try scene.expect(.usage, "erase", "--table", "people", "--where", "email LIKE '%secret.example'")
            let done = try scene.json("erase", "--table", "people", "--where", "email LIKE '%secret.example'", "--yes")
            #expect(done["live_rows"]?.integer == 2, "\(done)")
            #expect(try traces("secret.example", scene) == "")
            #expect(try scene.sql(others) == before)
            #expect(try scene.sql("SELECT count(*) FROM people WHERE id IN (1, 4)") == "0")
            #expect(
                try scene.shell("git --git-dir backups/batch_manager/history.git log --format=%s main").out == commits)
            try scene.expectWhole("after erase")
            let drill = try scene.json("drill")
            #expect(drill["ok"]?.bool == true, "\(drill)")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_audit WHERE outcome = 'erased'") == "1")
            try theOthersAreUndone(scene)
        }
    }

    @Test func patchPlansAndFilesOfKilledProcessesHoldNoTraceEither() throws {
        try scene { scene in
            let change = "UPDATE people SET city = email WHERE id <= 2"
            try scene.expect(7, "run", "--id", "later", "--sql", change, "--propose")
            // The shell that says its number is gone when it has said it.
            try scene.shell(
                """
                cp app.db backups/batch_manager/batch_x.1_snapshot_20261121T020000.123Z.bak.$$.tmp
                cp app.db backups/batch_manager/history.git/objects/pack/tmp_pack_$$
                """)
            try scene.expect(0, "erase", "--table", "people", "--where", "email LIKE '%secret.example'", "--yes")
            #expect(try traces("secret.example", scene) == "")
            try scene.expect(.alteredPlan, "plan", "show", "--id", "plan.1")
            try scene.expectWhole("after erase")
        }
    }

    /// A copy belongs to the ledger that its manifest names, whatever the branch was called when it was made.
    @Test func aCopyWithoutAPointGoesWithItsLedger() throws {
        try scene { scene in
            try scene.shell(
                """
                cd backups/batch_manager; from=$(ls batch_one.1_snapshot_*.bak)
                change() {
                  file=batch_$1.1_snapshot_20261121T020000.123Z.bak; cp "$from" $file
                  sqlite3 $file "$2"
                }
                change own "UPDATE batchmgr_bak_manifest SET value = 'former' WHERE key = 'database'"
                change others "UPDATE batchmgr_bak_manifest SET value = 'another' WHERE key = 'ledger'"
                change nobodys "DELETE FROM batchmgr_bak_manifest WHERE key = 'ledger'"
                """)
            let done = try scene.json("erase", "--table", "people", "--where", "email LIKE '%secret.example'", "--yes")
            #expect(done["rows"]?.integer == 2, "\(done)")
            let left = try scene.shell("cd backups/batch_manager; ls | grep -o '_\\(own\\|others\\|nobodys\\)'").out
            #expect(left == "_nobodys\n_others\n")
            let warnings = done["warnings"]?.array?.compactMap(\.string) ?? []
            #expect(
                warnings.count { $0.contains("batch_nobodys.1") && $0.contains("unknown database") } == 1, "\(done)")
            #expect(!warnings.contains { $0.contains("batch_others.1") })
            try scene.expectWhole("after erase")
        }
    }

    @Test(arguments: ["id = :id", "id = ?1", "email = @a"])
    func aParameterWithoutAValueIsRefused(_ condition: String) throws {
        try scene { scene in
            try scene.expect(.usage, "erase", "--table", "people", "--where", condition, "--yes")
        }
    }

    private func theOthersAreUndone(_ scene: BadLuckScene) throws {
        try scene.expect(0, "restore", "--point", "one.1^", "--to", "first.db", "--source", "git")
        try scene.expect(0, "restore", "--point", "one.1^", "--to", "second.db", "--source", "bak")
        #expect(try scene.dump("first.db") == scene.dump("second.db"))
        #expect(try scene.sql("SELECT city FROM people WHERE id IN (1, 2, 3, 4)", in: "first.db") == "Lyon\nNice")
        try scene.expect(0, "rollback", "--id", "four", "--source", "bak")
        try scene.expect(0, "rollback", "--id", "two", "--source", "git")
        try scene.expect(0, "rollback", "--id", "d", "--source", "bak")
        try scene.expect(0, "rollback", "--id", "one", "--source", "log")
        #expect(try scene.dump() == scene.dump("first.db"))
        try scene.expectWhole("after erase and rollbacks")
    }

    @Test(arguments: [
        ("ALTER TABLE people ADD COLUMN phone TEXT DEFAULT 'none'", "people"),
        (
            "ALTER TABLE people ADD COLUMN score; UPDATE people SET score = id; ALTER TABLE people DROP COLUMN city",
            "people"
        ),
        (
            "CREATE TABLE copy AS SELECT * FROM people; DROP TABLE people; CREATE TABLE people(id INTEGER PRIMARY KEY, email TEXT, city TEXT); INSERT INTO people SELECT * FROM copy; DROP TABLE copy",
            "people copy"
        ),
        (
            "CREATE TABLE fresh(id INTEGER PRIMARY KEY, email TEXT); INSERT INTO fresh SELECT id, email FROM people; DROP TABLE people; ALTER TABLE fresh RENAME TO people",
            "people fresh"
        ),
        ("DROP TABLE people", "people"),
    ])
    func aTableThatWasAlteredOrDroppedSinceIsErasedToo(_ change: String, _ tables: String) throws {
        try scene { scene in
            try scene.expect(0, "run", "--id", "alter", "--sql", change)
            try scene.expect(0, "run", "--id", "after", "--sql", "UPDATE items SET qty = 8")
            for table in tables.split(separator: " ").map(String.init) {
                try scene.expect(0, "erase", "--table", table, "--where", "email LIKE '%secret.example'", "--yes")
            }
            #expect(try traces("secret.example", scene) == "")
            try scene.expectWhole("after erase of an altered table")
            let drill = try scene.json("drill")
            #expect(drill["ok"]?.bool == true, "\(drill)")
            try scene.expect(0, "rollback", "--id", "after", "--source", "log")
            try scene.expect(0, "rollback", "--id", "alter", "--source", "log")
            try scene.expect(0, "restore", "--point", "alter.1^", "--to", "before.db", "--source", "git")
            #expect(try scene.dump() == scene.dump("before.db"))
        }
    }

    @Test func aColumnThatHasAnotherNameNowIsErasedUnderBoth() throws {
        try scene { scene in
            try scene.expect(0, "run", "--id", "alter", "--sql", "ALTER TABLE people RENAME COLUMN email TO mail")
            try scene.expect(0, "erase", "--table", "people", "--where", "mail LIKE '%secret.example'", "--yes")
            #expect(try traces("secret.example", scene) == "")
            try scene.expectWhole("after erase of a renamed column")
            #expect(try scene.json("drill")["ok"]?.bool == true)
        }
    }

    @Test func aTableThatNobodyKnowsCannotBeErasedFrom() throws {
        try scene { scene in
            try scene.expect(.unknownName, "erase", "--table", "nobody", "--where", "1", "--yes")
        }
    }

    @Test func rowsThatAreKeptLoseTheirPast() throws {
        try scene { scene in
            let erased = try scene.expect(
                0, "erase", "--table", "people", "--where", "id = 1", "--live", "keep", "--yes")
            // Nobody else has written, and no batch could take the kept rows away.
            #expect(!erased.err.contains("WARN_DATA_DRIFT"), "\(erased.err)")
            #expect(try !scene.tool("list").out.contains("drift"))
            #expect(try scene.sql("SELECT email FROM people WHERE id = 1") == "ann.third@secret.example")
            try scene.expectWhole("after erase --live keep")
            #expect(try scene.json("drill")["ok"]?.bool == true)
            try scene.expect(0, "restore", "--point", "four.1", "--to", "past.db")
            #expect(try scene.sql("SELECT count(*) FROM people WHERE id = 1", in: "past.db") == "0")
            #expect(try scene.sql("SELECT count(*) FROM people WHERE id = 4", in: "past.db") == "1")
            #expect(try traces("ann@secret.example", scene) == "")
        }
    }

    @Test(arguments: [
        "CREATE TABLE people(email TEXT PRIMARY KEY, id INT, city TEXT) WITHOUT ROWID;",
        "CREATE TABLE people(id INT, email TEXT, city TEXT);",
    ])
    func everyShapeOfTableIsErased(_ table: String) throws {
        let rows = EraseTests.schema.drop { $0 != ";" }.dropFirst().replacing(
            "INSERT INTO people VALUES", with: "INSERT INTO people(id, email, city) VALUES"
        ).replacing("INSERT INTO people SELECT", with: "INSERT INTO people(id, email, city) SELECT")
        try BadLuckScene.with { scene in
            try scene.sql(table + rows)
            try scene.expect(
                0, "run", "--id", "one", "--sql",
                "UPDATE people SET email = 'moved@secret.example' WHERE id = 1; UPDATE people SET city = 'X' WHERE id = 2"
            )
            try scene.expect(0, "erase", "--table", "people", "--where", "email = 'ann@secret.example'", "--yes")
            #expect(try traces("secret.example", scene) == "")
            try scene.expectWhole("after erase")
            #expect(try scene.json("drill")["ok"]?.bool == true)
            try scene.expect(0, "rollback", "--id", "one")
            #expect(try scene.sql("SELECT city FROM people WHERE id = 2") == "Lyon")
        }
    }

    @Test(arguments: [
        "1; DROP TABLE people", "1) OR (1", "nothing = 1", "", "id = (SELECT id FROM items)", "1 ORDER BY id",
    ])
    func aConditionThatIsNoneChangesNothing(_ condition: String) throws {
        try scene { scene in
            let before = try scene.dump()
            let result = try scene.tool("erase", "--table", "people", "--where", condition, "--yes")
            #expect(result.code == 2, "\(condition): \(result.out)\(result.err)")
            try scene.expect(.unknownName, "erase", "--table", "nobody", "--where", "1", "--yes")
            #expect(try scene.dump() == before)
            try scene.expectWhole(condition)
        }
    }

    @Test func rowsThatOthersReferToAreNotErased() throws {
        try scene { scene in
            try scene.sql(
                "CREATE TABLE orders(id INTEGER PRIMARY KEY, person INT REFERENCES people(id)); INSERT INTO orders VALUES(1, 1)"
            )
            let before = try scene.dump()
            try scene.expect(.conflict, "erase", "--table", "people", "--where", "id = 1", "--yes")
            #expect(try scene.dump() == before)
            try scene.expectWhole("after the refusal")
        }
    }

    @Test func othersWorkWhileAnAnswerIsWaitedFor() throws {
        try scene { scene in
            let session = try Session(.adHoc(database: scene.file("app.db")), context: .system())
            let request = Erasure.Request(
                table: "people", condition: "email LIKE '%secret.example'", live: .delete, isDryRun: false)
            func erase(meanwhile sql: String) throws(BatchError) -> EraseReport {
                try Erasure(session).perform(request) { _ in
                    let code = (try? scene.tool("run", "--id", "meanwhile", "--sql", sql))?.code
                    #expect(code == 0)
                    return true
                }
            }
            // The answer was about other rows.
            let error = #expect(throws: BatchError.self) {
                _ = try erase(meanwhile: "INSERT INTO people VALUES(900, 'new@secret.example', 'Lille')")
            }
            #expect(error?.code == .wrongState)
            #expect(try scene.sql("SELECT count(*) FROM people WHERE email LIKE '%secret.example'") == "3")
            #expect(try erase(meanwhile: "UPDATE items SET qty = 7").rows == 3)
            #expect(try scene.sql("SELECT max(qty) FROM items") == "7")
            #expect(try traces("secret.example", scene) == "")
            try scene.expectWhole("after erase")
        }
    }

    @Test(arguments: ["erase-prepared", "erase-committed"])
    func anErasureThatWasKilledIsCompletedByTheNext(_ place: String) throws {
        try scene { scene in
            let words = ["erase", "--table", "people", "--where", "email LIKE '%secret.example'", "--yes"]
            #expect(try scene.tool(words, killAt: place).code != 0)
            // The next command of any kind finishes what was begun.
            if place == "erase-committed" {
                try scene.expect(0, "run", "--id", "next", "--sql", "UPDATE items SET qty = 1")
            }
            try scene.expect(0, words)
            #expect(try traces("secret.example", scene) == "", "\(place)")
            try scene.expectWhole(place)
            #expect(try scene.json("drill")["ok"]?.bool == true)
        }
    }
}
