import TestSupport
import Testing

@Suite struct VacuumTests {
    /// SQLite puts tables first, and triggers fire in the order of the schema.
    @Test func vacuumLeavesTheOrderOfTheSchema() throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                """
                CREATE TABLE a(x UNIQUE); CREATE INDEX ai ON a(x); CREATE VIEW v AS SELECT 1;
                CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO b(x) VALUES(1); ANALYZE;
                CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END; CREATE VIRTUAL TABLE f USING fts5(w);
                CREATE TABLE c(x); CREATE TRIGGER q AFTER INSERT ON a BEGIN SELECT 2; END
                """)
            try scene.expect(0, "run", "--id", "one", "--sql", "INSERT INTO a VALUES(1)")
            let order = """
                SELECT group_concat(type || name) FROM (SELECT * FROM sqlite_schema WHERE name NOT LIKE 'batchmgr%' \
                AND tbl_name NOT LIKE 'batchmgr%' ORDER BY rowid)
                """
            let before = try scene.sql(order)
            try scene.expect(0, "vacuum")
            #expect(try scene.sql(order) == before)
            try scene.expect(0, "run", "--id", "two", "--sql", "DROP VIEW v")
            for source in ["git", "bak"] {
                try scene.expect(0, "restore", "--point", "one.1", "--source", source, "--to", "\(source).db")
                #expect(try scene.sql(order, in: "\(source).db") == before)
            }
            try scene.expectWhole("after vacuum")
        }
    }

    /// SQLite leaves that table out when no other has AUTOINCREMENT any more.
    @Test(arguments: [["vacuum"], ["erase", "--yes", "--table", "u", "--where", "a = 1"]])
    func sqliteSequenceStays(_ words: [String]) throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                """
                CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b); INSERT INTO t VALUES(5, 2);
                CREATE TABLE u(a INTEGER PRIMARY KEY, b); INSERT INTO u VALUES(1, 'one'), (2, 'two');
                CREATE TABLE plain(x); INSERT INTO plain VALUES(1), (2), (3); DELETE FROM plain WHERE x = 2
                """)
            try scene.expect(0, "run", "--id", "x", "--sql", "DROP TABLE t; UPDATE u SET b = b || '!'")
            let numbers = try scene.sql("SELECT rowid FROM plain")
            try scene.expect(0, words)
            #expect(try scene.sql("SELECT name FROM sqlite_schema WHERE name = 'sqlite_sequence'") == "sqlite_sequence")
            #expect(try scene.sql("SELECT rowid FROM plain") == numbers)
            try scene.expect(0, "verify")
            try scene.expect(0, "rollback", "--id", "x.1")
            #expect(try scene.sql("SELECT * FROM sqlite_sequence") == "t|5")
        }
    }

    /// What VACUUM leaves to do is noted before it, and the next command does it.
    @Test(
        arguments: [
            ["vacuum"], ["erase", "--yes", "--table", "u", "--where", "a = 1"],
            ["prune", "--undo-older-than", "1ms", "--yes"],
        ],
        ["vacuum-begun", "vacuumed"])
    func oneThatIsKilledLeavesNothing(_ words: [String], place: String) throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                """
                CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b); INSERT INTO t VALUES(5, 2);
                CREATE TABLE u(a INTEGER PRIMARY KEY, b); INSERT INTO u VALUES(1, 'one'), (2, 'two');
                CREATE TABLE plain(x); INSERT INTO plain VALUES(1), (2), (3); DELETE FROM plain WHERE x = 2;
                CREATE VIEW v AS SELECT 1; CREATE TABLE big(x);
                """)
            let fill = """
                WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                INSERT INTO big SELECT randomblob(500) FROM n
                """
            try scene.expect(0, "run", "--id", "x", "--sql", "DROP TABLE t; UPDATE plain SET x = -x")
            try scene.expect(0, "run", "--id", "fill", "--sql", fill)
            try scene.expect(0, "run", "--id", "empty", "--sql", "DELETE FROM big")
            let order = "SELECT rowid, type, name FROM sqlite_schema WHERE tbl_name NOT LIKE 'batchmgr%' ORDER BY 1"
            let before = try scene.sql(order + "; SELECT rowid, * FROM plain; SELECT * FROM sqlite_sequence")
            let result = try scene.tool(words, killAt: place)
            #expect(result.code == 137, "\(result.err)")
            try scene.expect(0, "verify")
            #expect(try scene.sql(order + "; SELECT rowid, * FROM plain; SELECT * FROM sqlite_sequence") == before)
            #expect(try scene.sql("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'batchmgr_vacuum%'") == "0")
            try scene.expect(0, "run", "--id", "next", "--sql", "INSERT INTO plain VALUES(9)")
            #expect(!(try scene.tool(["list"]).out.contains("drift")))
            try scene.expectWhole("after \(words[0]) and \(place)")
        }
    }

    /// The rows about other tables have other numbers then.
    @Test(arguments: ["log", "git", "bak"], [false, true])
    func countersAndStatisticsComeBackAfterIt(source: String, isByTheTool: Bool) throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                """
                CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE); INSERT INTO t VALUES(7, 2);
                CREATE TABLE u(a INTEGER PRIMARY KEY AUTOINCREMENT, b); INSERT INTO u VALUES(9, 2);
                CREATE INDEX i ON t(b); CREATE INDEX j ON u(b); ANALYZE
                """)
            let about = "SELECT * FROM (SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1, 2) UNION ALL "
            let kept = about + "SELECT name, seq, 0 FROM (SELECT * FROM sqlite_sequence ORDER BY 1)"
            let before = try scene.sql(kept)
            try scene.expect(0, "run", "--id", "one", "--sql", "DROP INDEX i; DROP TABLE t")
            if isByTheTool { try scene.expect(0, "vacuum") } else { try scene.sql("VACUUM") }
            try scene.expect(0, "rollback", "--id", "one.1", "--source", source)
            #expect(try scene.sql(kept) == before)
            try scene.expectWhole("after the rollback")
            try scene.expect(0, "rollback", "--id", "rollback.1")
            #expect(!(try scene.sql(kept).contains("t|")))
        }
    }

    @Test(arguments: ["delete", "wal"])
    func everyPointStaysUsable(journal: String) throws {
        try BadLuckScene.with(journal: journal) { scene in
            // SQLite numbers the rows of such a table anew.
            try scene.sql(
                """
                CREATE TABLE plain(a, b);
                INSERT INTO plain SELECT value, hex(randomblob(500)) FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12]');
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO plain SELECT i, 'x' FROM n;
                DELETE FROM plain WHERE a % 3 = 0;
                """)
            let before = try scene.dump()
            try scene.expect(0, "run", "--id", "one", "--sql", "UPDATE plain SET b = 'y' WHERE a % 2 = 0")
            try scene.expect(0, "run", "--id", "two", "--sql", "DELETE FROM plain WHERE a > 100")
            let rows = try scene.sql("SELECT rowid, a FROM plain")
            try scene.expect(0, "vacuum")
            #expect(try scene.sql("SELECT rowid, a FROM plain") == rows)
            #expect(try scene.sql("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'batchmgr_vacuum%'") == "0")
            #expect(Int(try scene.sql("PRAGMA freelist_count")) ?? 99 < 3)
            try scene.expect(0, "verify")
            try scene.expect(0, "drill")
            try scene.expect(0, "rollback", "--id", "two.1")
            try scene.expect(0, "rollback", "--id", "one.1")
            #expect(try scene.dump() == before)
        }
    }

    /// SQLite numbers rows anew then, where no column holds the number.
    @Test(arguments: ["delete", "wal"], [false, true])
    func pointsAreRightAfterOneByAnotherProgram(journal: String, isGuarded: Bool) throws {
        try BadLuckScene.with(journal: journal) { scene in
            try scene.sql(
                """
                CREATE TABLE plain(a, b);
                INSERT INTO plain SELECT value, hex(randomblob(20)) FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12]');
                DELETE FROM plain WHERE a % 3 = 0;
                """)
            let rows = "SELECT * FROM plain ORDER BY a"
            let before = try scene.sql(rows)
            // The first point is there, and no batch has changed anything.
            try scene.expect(1, "run", "--id", "zero", "--sql", "UPDATE plain SET c = 1")
            #expect(try scene.tool(["points"]).out.contains("baseline"))
            if isGuarded { try scene.expect(0, "guard", "set", "--mode", "track") }
            try scene.sql("VACUUM")
            try scene.expect(0, "run", "--id", "one", "--sql", "UPDATE plain SET b = 'y' WHERE a = 4")
            try scene.expect(0, "run", "--id", "two", "--sql", "DELETE FROM plain WHERE a IN (1, 5)")
            try scene.sql("VACUUM")
            try scene.expect(0, "run", "--id", "three", "--sql", "UPDATE plain SET b = 'z' WHERE a = 7")
            try scene.expect(0, "run", "--id", "four", "--sql", "UPDATE plain SET b = 'z' WHERE a > 7")
            try scene.expect(0, "verify")
            try scene.expect(0, "drill")
            for point in ["one.1", "two.1", "three.1", "four.1"] {
                var copies: [String] = []
                for source in ["git", "bak"] {
                    let file = "\(point)-\(source).db"
                    try scene.expect(0, "restore", "--point", point, "--source", source, "--to", file)
                    copies.append(try scene.shell("sqlite3 \(file) 'SELECT rowid, * FROM plain'").out)
                }
                #expect(copies[0] == copies[1], "\(point)")
            }
            for batch in ["three.1", "one.1", "four.1", "two.1"] { try scene.expect(0, "rollback", "--id", batch) }
            #expect(try scene.sql(rows) == before)
            try scene.expect(0, "verify")
        }
    }

    @Test func oneByTheToolIsNoReasonForAWholePoint() throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                """
                CREATE TABLE plain(a, b);
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                INSERT INTO plain SELECT i, randomblob(500) FROM n;
                """)
            try scene.expect(0, "run", "--id", "one", "--sql", "DELETE FROM plain WHERE a < 1000")
            try scene.expect(0, "run", "--id", "two", "--sql", "UPDATE plain SET b = 2 WHERE a = 1002")
            try scene.expect(0, "vacuum")
            try scene.expect(0, "run", "--id", "three", "--sql", "UPDATE plain SET b = 3 WHERE a = 1003")
            try scene.sql("VACUUM")
            try scene.expect(0, "run", "--id", "four", "--sql", "UPDATE plain SET b = 4 WHERE a = 1004")
            let lines = try scene.tool(["points"]).out.split(separator: "\n").map(String.init)
            for (batch, kind) in [("two.1", "delta"), ("three.1", "delta"), ("four.1", "full")] {
                #expect(lines.contains { $0.hasPrefix(batch) && $0.contains(kind) }, "\(batch): \(lines)")
            }
            try scene.expect(0, "drill")
        }
    }
}
