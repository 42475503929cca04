import BatchCore
import TestSupport
import Testing

/// What `rollback` does about dependents, readers and rows that others changed.
@Suite struct RollbackModeTests {
    private static let schema = """
        CREATE TABLE products(id INTEGER PRIMARY KEY, price REAL, note);
        CREATE TABLE totals(id INTEGER PRIMARY KEY, t, at DEFAULT CURRENT_TIMESTAMP, r);
        INSERT INTO products VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c');
        """

    /// `bad` is followed by `good`, which changes a row of it, and by `sum` and `one`, which read its column.
    private static func with(_ body: (SampleDatabase) throws -> Void) throws {
        try SampleDatabase.with(schema) { database in
            try database.run("bad", "UPDATE products SET price = price * 100 WHERE id > 1")
            try database.run("good", "UPDATE products SET price = price + 1 WHERE id < 3")
            try database.run("sum", "INSERT INTO totals(t, r) SELECT sum(price), random() FROM products")
            try database.run(
                "one", "INSERT INTO totals(id, t, r) SELECT 9, price, hex(randomblob(4)) FROM products WHERE id = 1")
            try body(database)
        }
    }

    private static func value(_ database: SampleDatabase, _ sql: String) throws -> String {
        try database.shell("sqlite3 -batch \"$DB\" \"\(sql)\"").out.split(separator: "\n").joined(separator: " ")
    }

    // MARK: Readers

    @Test func readersAreShownWithTheirColumnsAndStay() throws {
        try Self.with { database in
            let edges = try #require(try database.json("graph", "--id", "bad")["dependents"]?.array)
            #expect(edges.texts("batch") == ["good.1", "sum.1", "one.1"])
            #expect(edges.texts("kind") == ["row", "read", "read"])
            #expect(
                edges.texts("evidence") == [
                    "row products 1 key", "read products.price", "read products.price",
                ])
            let done = try database.json("rollback", "--id", "good")
            #expect(done["order"]?.array?.compactMap(\.string) == ["good.1"])
            #expect(done["dependents"]?.texts("batch") == ["sum.1", "one.1"])
            #expect(try Self.value(database, "SELECT count(*) FROM totals") == "2")
        }
    }

    @Test func includedReadersAreUndoneToo() throws {
        try Self.with { database in
            let refused = try database.tool("rollback", "--id", "sum", "--include-reads")
            #expect(refused.code == 0, "nothing reads what sum wrote: \(refused.err)")
            let result = try database.tool("rollback", "--id", "good", "--include-reads")
            #expect(result.code == 4)
            #expect(result.err.contains("--mode cascade --include-reads"))
            let done = try database.json("rollback", "--id", "bad", "--include-reads", "--mode", "cascade")
            #expect(done["order"]?.array?.compactMap(\.string) == ["one.1", "good.1", "bad.1"])
            #expect(try Self.value(database, "SELECT group_concat(price) FROM products") == "10.0,20.0,30.0")
            #expect(try Self.value(database, "SELECT count(*) FROM totals") == "0")
        }
    }

    @Test func aReaderThatChangesTheSameWithoutTheBatchIsExempt() throws {
        try SampleDatabase.with(Self.schema) { database in
            try database.run("bad", "UPDATE products SET price = price * 100 WHERE id > 1")
            try database.run("sum", "INSERT INTO totals(t, r) SELECT sum(price), random() FROM products")
            try database.run(
                "one",
                "INSERT INTO totals(id, t, r) SELECT 9, price, hex(randomblob(4)) || random() FROM products WHERE id = 1"
            )
            let one = try Self.value(database, "SELECT * FROM totals WHERE id = 9")
            let done = try database.json("rollback", "--id", "bad", "--prove-reads", "--mode", "cascade")
            #expect(done["order"]?.array?.compactMap(\.string) == ["sum.1", "bad.1"])
            #expect(done["exempt"]?.texts("batch") == ["one.1"])
            let evidence = try #require(done["exempt"]?.texts("evidence").first)
            #expect(evidence.contains("run again on a copy without bad.1 it changed the same 1 row"))
            #expect(try Self.value(database, "SELECT * FROM totals") == one)
            let paper = try #require(done["report"]?.string)
            #expect(try TextFile.read(paper).contains(evidence))
        }
    }

    /// What each of these reads is only known to the compiler or the schema.
    @Test(arguments: [
        ("a view", "CREATE VIEW v AS SELECT price FROM products", "INSERT INTO totals(t) SELECT * FROM v"),
        (
            "a trigger",
            "CREATE TRIGGER g AFTER INSERT ON totals BEGIN UPDATE totals SET r = (SELECT max(price) FROM products); END",
            "INSERT INTO totals(t) VALUES(1)"
        ),
        ("how many rows there are", "SELECT 1", "INSERT INTO totals(t) SELECT count(*) FROM products"),
        (
            "OR IGNORE", "CREATE UNIQUE INDEX pn ON products(price)",
            "INSERT OR IGNORE INTO products VALUES(77, 99, 'x')"
        ),
        (
            "an upsert", "CREATE UNIQUE INDEX pn ON products(price)",
            "INSERT INTO products VALUES(78, 99, 'x') ON CONFLICT(price) DO NOTHING"
        ),
        (
            "the probe of a foreign key",
            "CREATE UNIQUE INDEX pn ON products(price); CREATE TABLE child(p REFERENCES products(price))",
            "PRAGMA foreign_keys = ON; INSERT INTO child VALUES(10)"
        ),
        ("all rows", "SELECT 1", "DELETE FROM products WHERE id = 1"),
    ])
    func readingIsSeenThrough(_ what: String, _ setup: String, _ sql: String) throws {
        try SampleDatabase.with(Self.schema + setup + ";") { database in
            try database.run("bad", "INSERT INTO products VALUES(50, 99, 'n')")
            try database.run("reader", sql)
            let edges = try #require(try database.json("graph", "--id", "bad")["dependents"]?.array)
            #expect(edges.texts("kind") == ["read"], "\(what): \(edges)")
        }
    }

    // MARK: Replay

    @Test func replayedBatchesAreRunAgainWithoutTheBadOne() throws {
        try Self.with { database in
            let random = try Self.value(database, "SELECT at, r FROM totals WHERE id = 1")
            let done = try database.json("rollback", "--id", "bad", "--mode", "replay", "--include-reads")
            #expect(done["status"]?.string == "rolled_back")
            #expect(done["replayed"]?.texts("batch") == ["good.1", "sum.1", "one.1"])
            #expect(done["replayed"]?.texts("as") == ["good.2", "sum.2", "one.2"])
            #expect(try Self.value(database, "SELECT group_concat(price) FROM products") == "11.0,21.0,30.0")
            #expect(try Self.value(database, "SELECT group_concat(t) FROM totals") == "62.0,11.0")
            #expect(try Self.value(database, "SELECT at, r FROM totals WHERE id = 1") == random)
            #expect(try database.json("show", "--id", "good.2")["replays"]?.string == "good.1")
            #expect(try database.json("show", "--id", "good.1")["replayed_by"]?.string == "good.2")
            #expect(try database.tool("verify").code == 0)
            // And all of it can be taken back.
            #expect(
                try database.tool("rollback", "--id", "rollback.1", "--mode", "cascade", "--include-reads").code == 0)
            #expect(try Self.value(database, "SELECT group_concat(price) FROM products") == "11.0,2001.0,3000.0")
        }
    }

    @Test func whatWasWrittenBehindADependentIsNotSeenByItsSecondRun() throws {
        try SampleDatabase.with(Self.schema) { database in
            try database.run("bad", "UPDATE products SET price = price * 100 WHERE id > 1")
            try database.run("sum", "INSERT INTO totals(t) SELECT sum(price) FROM products")
            try database.run("more", "INSERT INTO products VALUES(4, 1000, 'd')")
            try database.run("other", "INSERT INTO totals(id, t) VALUES(9, 9)")
            let done = try database.json("rollback", "--id", "bad", "--mode", "replay", "--include-reads")
            #expect(done["replayed"]?.texts("batch") == ["sum.1", "more.1"])
            #expect(try Self.value(database, "SELECT t FROM totals WHERE id <> 9") == "60.0")
            #expect(try Self.value(database, "SELECT group_concat(price) FROM products") == "10.0,20.0,30.0,1000.0")
        }
    }

    @Test func aDryReplayChangesNothing() throws {
        try Self.with { database in
            let before = try database.dump()
            let done = try database.json("rollback", "--id", "bad", "--mode", "replay", "--dry-run")
            #expect(done["replayed"]?.texts("batch") == ["good.1"])
            #expect(try database.dump() == before)
            #expect(try database.json("list")["batches"]?.array?.count == 4)
        }
    }

    @Test func aReplayThatFailsLeavesEverythingAsItWas() throws {
        try SampleDatabase.with(Self.schema) { database in
            try database.run("make", "INSERT INTO products VALUES(4, 40, 'd')")
            try database.run(
                "raise",
                "UPDATE products SET price = 41 WHERE id = 4; INSERT INTO totals VALUES((SELECT min(id) FROM products WHERE price = 41), NULL, 1, 1)"
            )
            try database.run("taken", "INSERT INTO products VALUES(5, 50, 'e')")
            try database.run(
                "clash",
                "UPDATE products SET id = 6 WHERE id = 4; INSERT INTO totals SELECT 8, 1, 1, 1; INSERT INTO totals SELECT CASE WHEN count(*) = 1 THEN 7 ELSE 8 END, 1, 1, 1 FROM products WHERE id = 6"
            )
            let before = try database.dump()
            let result = try database.tool("rollback", "--id", "make", "--mode", "replay")
            #expect(result.code == 1, "\(result.out)")
            #expect(result.err.contains("running clash.1 again failed"))
            #expect(try database.dump() == before)
            #expect(try database.json("list")["batches"]?.texts("status").allSatisfy { $0 == "committed" } == true)
            #expect(try database.tool("verify").code == 0)
        }
    }

    static let schemaBatches = [
        ["ALTER TABLE items ADD COLUMN tag DEFAULT 'n'; UPDATE items SET tag = 't' || qty WHERE qty > 2"],
        [
            "UPDATE items SET qty = qty + 1; CREATE TABLE more(x UNIQUE); INSERT INTO more SELECT qty FROM items WHERE id = 1",
            "INSERT INTO more SELECT 100 + count(*) FROM more",
        ],
        [
            "UPDATE items SET qty = qty * 3 WHERE id = 1", "CREATE INDEX q ON items(qty); DROP TABLE log2",
            "UPDATE items SET qty = qty + 4 WHERE id = 1", "ALTER TABLE items RENAME COLUMN qty TO pieces",
            "UPDATE items SET pieces = pieces + 1 WHERE id = 1",
        ],
        ["UPDATE h SET v = (SELECT qty FROM items)", "UPDATE items SET qty = 9; INSERT INTO h VALUES(1, 1, 1, 'n')"],
        [
            "UPDATE items SET qty = 7 WHERE id = 2; CREATE TRIGGER tr AFTER UPDATE ON items BEGIN INSERT INTO log2 VALUES(new.qty); END",
            "UPDATE items SET qty = qty + 1",
            "DROP TRIGGER tr; CREATE VIRTUAL TABLE f USING fts5(t); INSERT INTO f SELECT qty FROM items",
        ],
    ]

    /// As if the bad batch had never run, with a whole restore point for each step of the way.
    @Test(arguments: ["log", "git", "bak"], schemaBatches)
    func changesOfTheSchemaRunAgain(_ source: String, _ batches: [String]) throws {
        try BadLuckScene.with { scene in
            try scene.sql("CREATE TABLE log2(x); INSERT INTO log2 VALUES(1)")
            try scene.sql("CREATE TABLE h(rowid, _rowid_, oid, v); INSERT INTO h VALUES(7, 8, 9, 'a'), (1, 2, 3, 'b')")
            try scene.shell("cp app.db plain.db")
            try scene.expect(0, "run", "--id", "bad", "--sql", "UPDATE items SET qty = qty + 50")
            for (number, sql) in batches.enumerated() {
                try scene.expect(0, "run", "--id", "good\(number)", "--sql", sql)
                try scene.sql(sql, in: "plain.db")
            }
            let before = try scene.dump()
            let result = try scene.json(
                "rollback", "--id", "bad.1", "--mode", "replay", "--include-reads", "--source", source)
            #expect(result["replayed"]?.array?.count == batches.count, "\(result)")
            #expect(try scene.dump() == scene.dump("plain.db"), "\(batches)")
            try scene.expectWhole("replayed")
            try scene.expect(0, "drill", note: "replayed")
            for (number, _) in batches.enumerated().reversed() {
                try scene.expect(0, "rollback", "--id", "good\(number).2", "--source", source)
            }
            try scene.expect(0, "rollback", "--id", "rollback.1", "--source", source, "--mode", "cascade")
            #expect(try scene.dump() == before, "\(batches)")
            try scene.expectWhole("taken back")
        }
    }

    @Test func stepsOutsideTheDatabaseRefuseAReplayWithAllReasons() throws {
        let steps =
            "steps:\n  - id: set\n    sql: UPDATE items SET qty = qty + 1 WHERE id = 1\n  - id: tell\n    exec: [\"true\"]\n"
        let half = steps.replacing("exec: [\"true\"]", with: "check: SELECT 1")
        try BadLuckScene.with(jobs: ["teller": steps, "half": half]) { scene in
            try scene.expect(0, "run", "--id", "bad", "--sql", "UPDATE items SET qty = 50 WHERE id = 1")
            try scene.expect(0, "run", "--id", "teller")
            try scene.expect(1, "run", "--id", "half")
            let before = try scene.dump()
            let result = try scene.expect(.notReplayable, "rollback", "--id", "bad", "--mode", "replay")
            #expect(result.err.contains("step tell of teller.1 runs a program"))
            #expect(result.err.contains("half.1 is failed, not committed"))
            #expect(try scene.dump() == before)
            try scene.expect(0, "rollback", "--id", "bad", "--mode", "cascade", "--without-compensation")
        }
    }

    private static let teller = """
        steps:
          - id: set
            sql: UPDATE items SET qty = qty + 1 WHERE id = 1
          - id: tell
            exec: [sh, -c, "echo told $0 of $(sqlite3 app.db 'SELECT qty FROM items WHERE id = 1') >> told && ! test -e broken", "{batch}"]
            undo: [sh, -c, "echo took back $0 >> told", "{batch}"]
          - id: more
            sql: UPDATE items SET qty = qty * 2 WHERE id = 1
        """

    @Test func programsWithAnUndoAreTakenBackAndRunAgainOnceTheReplayIsPermanent() throws {
        try BadLuckScene.with(jobs: ["teller": Self.teller]) { scene in
            try scene.expect(0, "run", "--id", "bad", "--sql", "UPDATE items SET qty = 50 WHERE id = 1")
            try scene.expect(0, "run", "--id", "teller")
            try scene.expect(0, "run", "--id", "last", "--sql", "UPDATE items SET qty = qty + 7 WHERE id = 1")
            try scene.expect(
                .notReplayable, "rollback", "--id", "bad", "--mode", "replay", "--without-compensation")
            #expect(try scene.shell("cat told").out == "told teller.1 of 51\n")
            let done = try scene.json("rollback", "--id", "bad", "--mode", "replay")
            #expect(done["replayed"]?.texts("as") == ["teller.2", "last.2"], "\(done)")
            #expect(try scene.sql("SELECT qty FROM items WHERE id = 1") == "11")
            #expect(try scene.shell("cat told").out == "told teller.1 of 51\ntook back teller.1\ntold teller.2 of 11\n")
            #expect(try scene.status("teller.2") == "committed")
            try scene.expectWhole("after a replay with a program")
            for source in ["git", "bak"] {
                try scene.expect(0, "restore", "--point", "teller.2", "--to", "\(source).db", "--source", source)
                #expect(try scene.sql("SELECT qty FROM items WHERE id = 1", in: "\(source).db") == "4")
            }
            #expect(try scene.json("drill")["ok"]?.bool == true)
            try scene.expect(0, "rollback", "--id", "teller", "--mode", "cascade", "--source", "git")
            #expect(try scene.sql("SELECT qty FROM items WHERE id = 1") == "1")
            #expect(try scene.shell("tail -1 told").out == "took back teller.2\n")
        }
    }

    @Test func aProgramThatFailsInAReplayIsSaidAndResumed() throws {
        try BadLuckScene.with(jobs: ["teller": Self.teller]) { scene in
            try scene.expect(0, "run", "--id", "bad", "--sql", "UPDATE items SET qty = 50 WHERE id = 1")
            try scene.expect(0, "run", "--id", "teller")
            try scene.shell("touch broken")
            let done = try scene.json("rollback", "--id", "bad", "--mode", "replay")
            #expect(
                done["warnings"]?.array?.contains { $0.string?.contains("resume --id teller.2") == true } == true,
                "\(done)")
            #expect(try scene.status("teller.2") == "failed")
            #expect(try scene.sql("SELECT qty FROM items WHERE id = 1") == "4")
            try scene.shell("rm broken")
            try scene.expect(0, "resume", "--id", "teller.2")
            #expect(try scene.status("teller.2") == "committed")
            #expect(try scene.sql("SELECT qty FROM items WHERE id = 1") == "4")
            #expect(try scene.shell("tail -1 told").out == "told teller.2 of 4\n")
            try scene.expectWhole("after a resumed replay")
        }
    }

    @Test func aReplayThatIsKilledBeforeItsProgramsRunIsResumed() throws {
        try BadLuckScene.with(jobs: ["teller": Self.teller]) { scene in
            try scene.expect(0, "run", "--id", "bad", "--sql", "UPDATE items SET qty = 50 WHERE id = 1")
            try scene.expect(0, "run", "--id", "teller")
            let result = try scene.tool("rollback", "--id", "bad", "--mode", "replay", killAt: "committed")
            #expect(result.code == 137)
            try scene.expect(0, "list")
            #expect(try scene.status("teller.2") == "stopped")
            try scene.expect(0, "resume", "--id", "teller.2")
            #expect(try scene.status("teller.2") == "committed")
            #expect(try scene.sql("SELECT qty FROM items WHERE id = 1") == "4")
            #expect(try scene.shell("tail -1 told").out == "told teller.2 of 4\n")
            try scene.expectWhole("after a killed replay")
        }
    }

    @Test(arguments: ["begun", "undone", "replayed", "before-commit", "committed", "bak-written", "commit-written"])
    func aReplayThatIsKilledHappenedWhollyOrNotAtAll(_ place: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "bad", "--sql", "UPDATE items SET qty = 50 WHERE id < 3")
            try scene.expect(0, "run", "--id", "good", "--sql", "UPDATE items SET qty = qty + 1 WHERE id = 1")
            let before = try scene.dump()
            #expect(try scene.tool("rollback", "--id", "bad", "--mode", "replay", killAt: place).code == 137)
            try scene.expect(0, "list", note: place)
            if ["committed", "bak-written", "commit-written"].contains(place) {
                #expect(try scene.sql("SELECT group_concat(qty) FROM items") == "2,2,3,4,5", "\(place)")
                #expect(try scene.status("good.2") == "committed")
            } else {
                #expect(try scene.dump() == before, "\(place)")
                try scene.expect(0, "rollback", "--id", "bad", "--mode", "replay", note: place)
            }
            try scene.expectWhole(place)
            for source in ["git", "bak"] {
                try scene.expect(0, "restore", "--point", "good.2", "--source", source, "--to", "\(source).db")
                #expect(try scene.dump("\(source).db") == scene.dump(), "\(place), from \(source)")
            }
        }
    }

    @Test func aLockThatADeadProcessLeftOnTheHistoryIsRemoved() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "one", "--sql", "UPDATE items SET qty = 50 WHERE id = 1")
            let update = ["run", "--id", "two", "--sql", "UPDATE items SET qty = 51 WHERE id = 1"]
            #expect(try scene.tool(update, killAt: "bak-written").code == 137)
            try scene.write("backups/batch_manager/history.git/refs/heads/main.lock", "")
            try scene.expect(0, "list")
            try scene.expectWhole("after the lock")
        }
    }

    // MARK: Conflicts

    /// A later row refers to one of two rows, by whatever key the parent has.
    @Test(arguments: [
        ("k INTEGER PRIMARY KEY", "2", "3"), ("k TEXT PRIMARY KEY", "'A'", "'B'"),
        ("k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID; CREATE TABLE other(x", "'A'", "'B'"),
        ("id INTEGER PRIMARY KEY, k UNIQUE", "'A'", "'B'"), ("a, k AS (a || '') STORED UNIQUE", "'A'", "'B'"),
    ])
    func aRowThatALaterRowRefersToStaysAlone(_ parent: String, _ used: String, _ free: String) throws {
        try BadLuckScene.with { scene in
            try scene.sql("CREATE TABLE p(\(parent)); CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p(k))")
            let column = parent.hasPrefix("a,") ? "a" : "k"
            let insertion = "INSERT INTO p(\(column)) VALUES(\(used)), (\(free))"
            try scene.expect(0, "run", "--id", "x", "--sql", insertion)
            try scene.expect(0, "run", "--id", "y", "--sql", "INSERT INTO c VALUES(1, \(used))")
            try scene.expect(0, "rollback", "x", "--mode", "unconflicted")
            #expect(try scene.sql("SELECT quote(k) FROM p") == used)
            try scene.expectWhole("after \(parent)")
        }
    }

    /// Somebody has deleted what the batch inserted: it is undone already.
    @Test(arguments: ["log", "git", "bak"], ["restrict", "cascade"])
    func overwritingUndoesABatchWhoseRowIsGone(source: String, mode: String) throws {
        try SampleDatabase.with("CREATE TABLE p(id TEXT PRIMARY KEY, x); INSERT INTO p VALUES('a', 1)") { database in
            try database.run("one", "INSERT INTO p VALUES('k', 8), ('l', 9); UPDATE p SET x = 2 WHERE id = 'a'")
            try database.sql("DELETE FROM p WHERE id = 'k'; UPDATE p SET x = 10 WHERE id = 'l'")
            let done = try database.tool(
                "rollback", "--id", "one", "--mode", mode, "--on-conflict", "overwrite", "--source", source)
            #expect(done.code == 0, "\(done.err)")
            #expect(try Self.value(database, "SELECT id || x FROM p") == "a1")
            #expect(try database.tool("verify").code == 0)
        }
    }

    /// A rollback put rows back into a table that another rollback took away: the rest of it can be undone.
    @Test(arguments: ["TABLE f(a, b)", "VIRTUAL TABLE f USING fts5(a, b)", "VIRTUAL TABLE f USING rtree(rowid, a, b)"])
    func unconflictedLeavesTheRowsOfATableThatIsGone(_ table: String) throws {
        try SampleDatabase.with(Self.schema) { database in
            try database.run("make", "CREATE \(table)")
            try database.run("fill", "INSERT INTO f(rowid, a, b) VALUES (1, 2, 3); DELETE FROM products WHERE id = 3")
            #expect(try database.tool("rollback", "--id", "fill").code == 0)
            #expect(try database.tool("rollback", "--id", "make").code == 0)
            let done = try database.tool("rollback", "--id", "rollback.1", "--mode", "unconflicted")
            #expect(done.code == 0, "\(done.err)")
            #expect(done.out.contains("! f 1: its table was dropped or changed, kept\n"), "\(done.out)")
            #expect(try Self.value(database, "SELECT id FROM products") == "1 2")
            let verified = try database.tool("verify")
            #expect(verified.code == 0, "\(verified.out)")
            #expect(try database.tool("rollback", "--id", "rollback.3").code == 0)
            #expect(try Self.value(database, "SELECT id FROM products") == "1 2 3")
        }
    }

    @Test func unconflictedUndoesWhatNobodyTouchedSince() throws {
        try Self.with { database in
            let done = try database.json("rollback", "--id", "bad", "--mode", "unconflicted")
            #expect(done["status"]?.string == "partially_rolled_back")
            let conflicts = try #require(done["conflicts"]?.array)
            #expect(conflicts.map { $0["key"]?.integer } == [2])
            #expect(conflicts[0]["batch"]?.string == "good.1")
            #expect(conflicts[0]["resolution"]?.string == "kept")
            #expect(conflicts[0]["found"] == ["id": 2, "price": .number(2001), "note": "b"])
            #expect(try Self.value(database, "SELECT group_concat(price) FROM products") == "11.0,2001.0,30.0")
            #expect(try database.tool("verify").code == 0)
            #expect(try database.tool("rollback", "--id", "rollback.1").code == 0)
            #expect(try Self.value(database, "SELECT group_concat(price) FROM products") == "11.0,2001.0,3000.0")
            #expect(try database.json("show", "--id", "bad")["status"]?.string == "committed")
        }
    }

    @Test(arguments: [
        ("keep", "7.0,20.0,30.0,", "partially_rolled_back"), ("overwrite", "10.0,20.0,30.0", "rolled_back"),
    ])
    func conflictsAreKeptOrOverwrittenAndListed(_ policy: String, _ prices: String, _ status: String) throws {
        try SampleDatabase.with(Self.schema) { database in
            try database.run(
                "bad", "UPDATE products SET price = price * 100 WHERE id < 3; INSERT INTO products VALUES(4, 1, 'd')")
            try database.sql(
                "UPDATE products SET price = 7 WHERE id = 1; UPDATE products SET note = 'mine', price = NULL WHERE id = 4"
            )
            #expect(try database.tool("rollback", "--id", "bad").code == 4)
            let done = try database.json("rollback", "--id", "bad", "--on-conflict", policy)
            #expect(done["status"]?.string == status)
            let conflicts = try #require(done["conflicts"]?.array)
            #expect(conflicts.map { $0["key"]?.integer } == [4, 1])
            #expect(
                conflicts.texts("resolution")
                    == (policy == "keep" ? ["kept", "kept"] : ["overwritten", "overwritten"]))
            #expect(conflicts[1]["found"]?["price"] == .number(7))
            let found = try Self.value(database, "SELECT group_concat(coalesce(price, '')) FROM products")
            #expect(found == prices)
            #expect(try database.tool("verify").code == 0)
        }
    }

    @Test func aReferenceOfALaterRowKeepsItsParent() throws {
        try SampleDatabase.with(Self.schema + "CREATE TABLE child(p REFERENCES products(id));") { database in
            try database.run("bad", "INSERT INTO products VALUES(4, 1, 'd'), (5, 2, 'e'), (6, 3, 'f')")
            try database.run("child", "INSERT INTO child VALUES(5)")
            try database.sql("INSERT INTO child VALUES(6)")
            let done = try database.json("rollback", "--id", "bad", "--mode", "unconflicted")
            #expect(done["conflicts"]?.array?.compactMap { $0["key"]?.integer }.sorted() == [5, 6])
            #expect(try Self.value(database, "SELECT group_concat(id) FROM products") == "1,2,3,5,6")
            #expect(try Self.value(database, "PRAGMA foreign_key_check") == "")
        }
    }

    @Test(arguments: [
        ["--mode", "unconflicted", "--on-conflict", "overwrite"], ["--mode", "replay", "--on-conflict", "keep"],
        ["--mode", "unconflicted", "--include-reads"], ["--plan-out", "p", "--dry-run"],
        ["--plan-out", "p", "--plan", "p"],
    ])
    func optionsThatContradictEachOtherAreRefused(_ options: [String]) throws {
        let result = try BuiltTool.shell("exec \"$TOOL\" --db nothing.db rollback --id a \"$@\"", options)
        #expect(result.code == 2)
    }
}

extension [JSONValue] {
    fileprivate func texts(_ key: String) -> [String] { compactMap { $0[key]?.string } }
}
