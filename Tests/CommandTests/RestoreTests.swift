import BatchCore
import TestSupport
import Testing

@Suite struct RestoreTests {
    @Test func everyPointComesBackFromEitherCopy() throws {
        try SampleDatabase.with { database in
            var dumps = [try database.dump()]
            for (job, sql) in [
                ("one", "UPDATE invoices SET total = total + 1"),
                ("two", "DELETE FROM rates; INSERT INTO customers VALUES (5, 'Eve')"),
                ("three", "ALTER TABLE rates ADD COLUMN note; CREATE INDEX notes ON invoices(note)"),
            ] {
                try database.run(job, sql)
                dumps.append(try database.dump())
            }
            let points = ["one.1^", "one.1", "two.1", "three.1"]
            let digests = try database.json("points")["points"]?.texts("digest")
            for (number, point) in points.enumerated() {
                for source in ["git", "bak"] {
                    let file = "\(database.folder)/\(number)-\(source).db"
                    let report = try database.json("restore", "--point", point, "--to", file, "--source", source)
                    #expect(report["digest"]?.string == digests?[number])
                    #expect(report["source"]?.string == source)
                    #expect(try database.dump(file) == dumps[number], "\(point) from \(source)")
                }
            }
        }
    }

    @Test func aPointIsNamedByJobTagOrCommitToo() throws {
        try SampleDatabase.withBatches { database in
            let point = try #require(try database.json("points")["points"]?.array?[2])
            let commit = try #require(point["commit"]?.string)
            for (number, name) in ["reprice", "batch/reprice.1", String(commit.prefix(8)), commit].enumerated() {
                let report = try database.json("restore", "--point", name, "--to", "\(database.folder)/\(number).db")
                #expect(report["digest"] == point["digest"], "\(name)")
            }
        }
    }

    @Test(arguments: [
        ("nope.1", "ERR_UX_UNKNOWN_BATCH", Int32(2)), ("deadbeef", "ERR_UX_UNKNOWN_POINT", 2),
        ("a..b", "ERR_UX_USAGE", 2),
    ])
    func anUnknownPointIsAnError(_ point: String, _ code: String, _ exit: Int32) throws {
        try SampleDatabase.withBatches { database in
            for target in [["--to", database.folder + "/new.db"], ["--in-place"]] {
                let result = try BuiltTool.shell(
                    "exec \"$TOOL\" \"$@\"", ["--db", database.path, "restore", "--point", point] + target)
                #expect(result.err.hasPrefix("error: \(code): "))
                #expect(result.code == exit)
            }
            #expect(try BuiltTool.shell("ls \"$1\"", [database.folder]).out == "app.db\nbackups\n")
        }
    }

    @Test func anExistingFileIsNeverWrittenOver() throws {
        try SampleDatabase.withBatches { database in
            let before = try database.shell("sha256sum \"$DB\"").out
            let result = try database.tool("restore", "--point", "import.1", "--to", database.path)
            #expect(result.err.hasPrefix("error: ERR_UX_FILE_EXISTS: "))
            #expect(result.code == 2)
            #expect(try database.shell("sha256sum \"$DB\"").out == before)
        }
    }

    @Test func theOtherCopyIsUsedWhenOneIsDamaged() throws {
        try SampleDatabase.withBatches { database in
            try database.shell("for f in \"$BACKUPS\"/*.bak; do : > $f; done")
            let file = database.folder + "/new.db"
            let report = try database.json("restore", "--point", "reprice.1", "--to", file)
            #expect(report["source"]?.string == "git")
            #expect(report["warnings"]?.array?.count == 1)
            #expect(try database.tool("restore", "--point", "close.1", "--to", file + "2", "--source", "bak").code > 0)
            try database.shell("rm -r \"$BACKUPS/history.git\"")
            let none = try database.tool("restore", "--point", "reprice.1", "--to", file + "3")
            #expect(none.err.hasPrefix("error: ERR_DATA_NO_RESTORE_POINT: no copy of reprice.1 verifies: "))
            #expect(none.code == 5)
            #expect(try BuiltTool.shell("ls \"$1\"", [database.folder]).out == "app.db\nbackups\nnew.db\n")
        }
    }

    @Test(arguments: [
        "rm \"$DB\"", "echo no database > \"$DB\"",
        "dd if=/dev/zero of=\"$DB\" bs=1 seek=4096 count=30000 conv=notrunc",
    ])
    func theCopiesAreEnoughWhenTheDatabaseIsLost(_ loss: String) throws {
        try SampleDatabase.withBatches { database in
            let dump = try database.dump()
            try database.shell(loss)
            for source in ["git", "bak"] {
                let file = "\(database.folder)/\(source).db"
                let result = try database.tool("restore", "--point", "close.1", "--to", file, "--source", source)
                #expect(result.code == 0, "\(result.err)")
                #expect(try database.dump(file) == dump)
            }
            let before = database.folder + "/before.db"
            #expect(try database.tool("restore", "--point", "import.1^", "--to", before).code == 0)
            #expect(try database.dump(before).contains("'usd',1.1"))
        }
    }

    /// VACUUM by another program is no change that a delta could hold.
    @Test(arguments: ["wal", "delete"], [0, 1, 2])
    func pageSizeAndAutoVacuumComeBackFromEitherCopy(_ journal: String, _ vacuum: Int) throws {
        let job = "snapshot: delta\nsteps:\n  - id: a\n    sql: UPDATE items SET qty = qty + 1\n"
        try BadLuckScene.with(jobs: ["d": job]) { scene in
            try scene.sql("CREATE TABLE rowid_hidden(id INTEGER PRIMARY KEY, oid, rowid, _rowid_)")
            try scene.expect(0, "run", "--id", "d")
            try scene.sql("PRAGMA journal_mode = DELETE")
            try scene.sql("PRAGMA page_size = 8192; PRAGMA auto_vacuum = \(vacuum); VACUUM")
            try scene.sql("PRAGMA journal_mode = \(journal)")
            try scene.expect(0, "run", "--id", "d")
            try scene.expect(0, "run", "--id", "d")
            #expect(try scene.sql("SELECT bak_kind FROM batchmgr_points ORDER BY id DESC LIMIT 1") == "delta")
            let dump = try scene.dump()
            for source in ["git", "bak"] {
                try scene.expect(0, "restore", "--point", "d.3", "--source", source, "--to", "\(source).db")
                #expect(try scene.dump("\(source).db") == dump)
                let settings = try scene.sql("PRAGMA page_size; PRAGMA auto_vacuum", in: "\(source).db")
                #expect(settings == "8192\n\(vacuum)", "\(source)")
            }
            try scene.expect(0, "drill")
            try scene.expectWhole("after VACUUM")
        }
    }

    /// Written while the checks were switched off: `verify` and `drill` tell of them, and neither calls a copy damaged.
    @Test func rowsThatBreakACheckAreToldAndNoDamage() throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                "CREATE TABLE c(a CHECK(a > 0)); PRAGMA ignore_check_constraints = ON; INSERT INTO c VALUES(-1)")
            try scene.expect(0, "run", "--id", "x", "--sql", "INSERT INTO c VALUES(2)")
            for verb in ["verify", "doctor"] {
                let found = try scene.expect(0, verb).out
                #expect(found.contains("break a CHECK of their"), "\(found)")
            }
            let drill = try scene.json("drill")
            #expect("\(drill)".contains("CHECK constraint failed in c"), "\(drill)")
            // A merged row is none that was there before: it has to hold.
            try scene.sql("CREATE TABLE t(low INT, high INT, CHECK(low <= high)); INSERT INTO t VALUES(5, 9)")
            try scene.expect(0, "run", "--id", "y", "--sql", "UPDATE t SET low = 1")
            try scene.sql("UPDATE t SET high = 2")
            let undone = try scene.json("rollback", "y", "--on-conflict", "overwrite")
            #expect(undone["kept"]?.array?.count == 1 || "\(undone)".contains("kept"), "\(undone)")
            #expect(try scene.sql("SELECT * FROM t") == "1|2")
            try scene.expect(0, "drill")
        }
    }

    @Test(arguments: ["git", "bak"])
    func aRestoreInPlaceIsABatchThatCanBeUndone(_ source: String) throws {
        try SampleDatabase.with { database in
            let first = try database.dump()
            try database.run(
                "mix",
                "UPDATE invoices SET total = total + 1; UPDATE rates SET code = upper(code); DELETE FROM customers WHERE id = 3"
            )
            try database.run(
                "swap",
                "UPDATE customers SET name = 'tmp' WHERE id = 1; UPDATE customers SET name = 'Ann' WHERE id = 2; UPDATE customers SET name = 'Bo' WHERE id = 1; INSERT INTO invoices(customer, total) VALUES (1, 5)"
            )
            try database.sql("INSERT INTO customers VALUES (4, 'drift')")
            let last = try database.dump()
            let report = try database.json("restore", "--point", "mix.1^", "--in-place", "--source", source)
            #expect(report["batch"]?.string == "restore.1")
            #expect(report["status"]?.string == "committed")
            #expect(try database.dump() == first)
            #expect(try database.tool("verify").code == 0)
            let refused = try database.json("rollback", "--id", "mix")
            #expect(refused["dependents"]?.texts("batch").contains("restore.1") == true)
            #expect(try database.json("points")["points"]?.texts("kind").suffix(2) == ["drift", "restore"])
            #expect(try database.tool("rollback", "--id", "restore").code == 0)
            #expect(try database.dump() == last)
            #expect(try database.tool("verify").code == 0)
        }
    }

    @Test func aRestoreInPlaceBringsBackTheSchema() throws {
        try SampleDatabase.with(
            SampleDatabase.schema + "CREATE VIRTUAL TABLE docs USING fts5(t); INSERT INTO docs VALUES ('one'), ('two');"
        ) { database in
            try database.run("words", "INSERT INTO docs VALUES ('three'); DELETE FROM docs WHERE rowid = 1")
            let words = try database.dump()
            try database.run(
                "shape",
                "ALTER TABLE rates ADD COLUMN note; DROP TRIGGER rounded; CREATE TABLE extra(a UNIQUE); INSERT INTO extra VALUES (1); CREATE VIEW v AS SELECT a FROM extra"
            )
            let shape = try database.dump()
            let result = try database.tool("restore", "--point", "words.1", "--in-place")
            #expect(result.code == 0, "\(result.err)")
            #expect(try database.dump() == words)
            #expect(try database.tool("verify").code == 0)
            #expect(try database.tool("rollback", "--id", "restore").code == 0)
            #expect(try database.dump() == shape)
        }
    }

    /// In place and beside it, the same: also the order of the schema, which `.dump` follows.
    @Test(arguments: ["git", "bak"], RestoreTests.detours)
    func aRestoreInPlaceIsTheSameAsOneToAFile(_ source: String, _ detour: String) throws {
        let schema = """
            CREATE TABLE a(x); INSERT INTO a VALUES (1); CREATE TABLE b(x UNIQUE, y); INSERT INTO b VALUES (1, 2), (3, 4);
            CREATE INDEX bi ON b(y); CREATE TABLE c(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO c(x) VALUES (1);
            CREATE TABLE h(rowid, _rowid_, oid, v); INSERT INTO h VALUES (7, 8, 9, 'a'), (1, 2, 3, 'b');
            CREATE VIEW w AS SELECT x FROM a; CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b WHERE 0; END;
            CREATE VIRTUAL TABLE f USING fts5(t); INSERT INTO f VALUES ('one'), ('two');
            """
        try SampleDatabase.with(schema) { database in
            try database.run("first", "INSERT INTO a VALUES (2)")
            let wanted = try database.dump()
            try database.run("detour", detour)
            let copy = database.folder + "/copy.db"
            let strayed = try database.dump()
            let copied = try database.tool("restore", "--point", "first.1", "--to", copy, "--source", source)
            #expect(copied.code == 0, "\(copied.err)")
            let result = try database.tool("restore", "--point", "first.1", "--in-place", "--source", source)
            #expect(result.code == 0, "\(detour): \(result.err)")
            #expect(try database.dump() == wanted, "\(detour)")
            #expect(try database.dump(copy) == wanted, "\(detour)")
            let checked = try database.tool("verify")
            #expect(checked.code == 0, "\(detour): \(checked.out)")
            #expect(try database.tool("rollback", "--id", "restore").code == 0)
            #expect(try database.dump() == strayed, "\(detour), taken back")
        }
    }

    static let detours = [
        "ALTER TABLE a ADD COLUMN z DEFAULT 1; UPDATE a SET z = 2",
        "DROP TABLE b; CREATE TABLE later(x)",
        "DROP TABLE b; CREATE TABLE b(x UNIQUE, y); INSERT INTO b VALUES (1, 2), (3, 4); CREATE INDEX bi ON b(y)",
        "DROP INDEX bi; CREATE INDEX bi ON b(y); DROP VIEW w; CREATE VIEW w AS SELECT x FROM a",
        "UPDATE h SET v = 'z'; DELETE FROM h WHERE oid = 3; INSERT INTO h VALUES (1, 1, 1, 'n')",
        "DROP TABLE c; INSERT INTO f VALUES ('three'); DELETE FROM f WHERE rowid = 1",
        "UPDATE b SET x = 9 WHERE x = 1; UPDATE b SET x = 1 WHERE x = 3; UPDATE b SET x = 3 WHERE x = 9; INSERT INTO c(x) VALUES (2), (3); DELETE FROM c WHERE id = 3",
        "DROP TABLE f; DROP TABLE h; ALTER TABLE b RENAME TO bb; ALTER TABLE c RENAME COLUMN x TO xx",
    ]
}
