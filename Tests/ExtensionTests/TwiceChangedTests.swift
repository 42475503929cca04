internal import TestSupport
internal import Testing

/// Rows that one statement changes more than once: by BEFORE triggers, actions of foreign keys, and REPLACE.
struct TwiceChangedTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let schema: String
        let work: String

        init(_ name: String, _ schema: String, _ work: String) {
            (testDescription, self.schema, self.work) = (name, schema, work)
        }
    }

    private static func counting(_ key: String, _ rest: String = "") -> String {
        """
        CREATE TABLE t(\(key), v, n DEFAULT 0)\(rest); INSERT INTO t VALUES(1,1,0),(2,2,0),(3,3,0);
        CREATE TRIGGER u BEFORE UPDATE OF v ON t BEGIN UPDATE t SET n = n + 1 WHERE id = OLD.id; END;
        CREATE TRIGGER d BEFORE DELETE ON t BEGIN UPDATE t SET n = 9 WHERE id IN (OLD.id, 3); END;
        """
    }

    static let cases = [
        Case(
            "a key that refers to itself",
            "CREATE TABLE t(id INT PRIMARY KEY, v INT REFERENCES t(id) ON UPDATE CASCADE); INSERT INTO t VALUES(1,1),(2,1);",
            "UPDATE t SET id = id + 10;"),
        Case(
            "a rowid that refers to itself",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v INT REFERENCES t(id) ON UPDATE CASCADE); INSERT INTO t VALUES(1,1),(2,1),(3,3);",
            "UPDATE t SET id = id + 10; DELETE FROM t WHERE id = 13; UPDATE t SET id = id - 1;"),
        Case(
            "SET NULL and SET DEFAULT on the way",
            """
            CREATE TABLE t(id TEXT COLLATE NOCASE PRIMARY KEY, v DEFAULT 'z' REFERENCES t(id) ON DELETE SET DEFAULT ON UPDATE SET NULL) WITHOUT ROWID;
            INSERT INTO t VALUES('z','z'),('a','z'),('b','a'),('c','a');
            """,
            "DELETE FROM t WHERE id = 'a'; UPDATE t SET id = 'B' WHERE id = 'b'; UPDATE t SET id = upper(id);"),
        Case(
            "two tables that refer to each other",
            """
            CREATE TABLE t(id INTEGER PRIMARY KEY, c REFERENCES c(id) ON DELETE CASCADE ON UPDATE CASCADE);
            CREATE TABLE c(id INTEGER PRIMARY KEY, t REFERENCES t(id) ON DELETE CASCADE ON UPDATE CASCADE);
            INSERT INTO t VALUES(1,NULL),(2,NULL); INSERT INTO c VALUES(1,1),(2,2); UPDATE t SET c = 3 - id;
            """, "UPDATE t SET id = id + 10; DELETE FROM c WHERE id = 1;"),
        Case(
            "a BEFORE trigger that changes the row", counting("id INTEGER PRIMARY KEY"),
            "UPDATE t SET v = v + 1; DELETE FROM t WHERE id < 3; INSERT INTO t VALUES(3,4,5) ON CONFLICT DO UPDATE SET v = 7, id = 8;"
        ),
        Case(
            "the same without rowids", counting("id INT PRIMARY KEY", " WITHOUT ROWID"),
            "UPDATE t SET v = v + 1, id = 4 - id WHERE id <> 2; DELETE FROM t WHERE id < 3; REPLACE INTO t VALUES(3,3,3);"
        ),
        Case(
            "a BEFORE trigger that deletes the row",
            """
            CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1,1),(2,2);
            CREATE TRIGGER u BEFORE UPDATE ON t BEGIN DELETE FROM t WHERE id = OLD.id AND id = 1; END;
            """, "UPDATE t SET v = v + 1;"),
        Case(
            "a BEFORE trigger that brings what REPLACE removes",
            """
            CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE); INSERT INTO t VALUES(1,1);
            CREATE TRIGGER i BEFORE INSERT ON t WHEN NEW.u = 5 BEGIN INSERT INTO t VALUES(7, 7); UPDATE t SET u = 5 WHERE id IN (1); END;
            """, "INSERT OR REPLACE INTO t VALUES(2, 5); INSERT OR REPLACE INTO t(u) VALUES(5);"),
        Case(
            "REPLACE and a column that a BEFORE trigger sets",
            """
            CREATE TABLE t(id INTEGER PRIMARY KEY, v NOT NULL DEFAULT 'x' UNIQUE); INSERT INTO t VALUES(1,'x'),(2,'y');
            CREATE TABLE c(id); CREATE TRIGGER u AFTER DELETE ON c BEGIN SELECT 1; END;
            """, "INSERT OR REPLACE INTO t VALUES(3, NULL); UPDATE OR REPLACE t SET v = NULL WHERE id = 2;"),
        Case(
            "unique values that change hands",
            """
            CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, p REFERENCES t(u) ON UPDATE CASCADE); INSERT INTO t VALUES(1,1,1),(2,2,1),(3,3,2);
            CREATE TRIGGER u BEFORE UPDATE OF p ON t BEGIN UPDATE t SET u = -OLD.u WHERE id = OLD.id; UPDATE t SET u = OLD.u WHERE id = 3; END;
            """,
            "UPDATE t SET u = 9 WHERE id = 3; UPDATE t SET p = NULL WHERE id = 1; UPDATE t SET p = NULL WHERE id = 2;"),
        Case(
            "FAIL between a change and its AFTER trigger",
            """
            CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1),(2),(3);
            CREATE TABLE c(id INTEGER PRIMARY KEY, t REFERENCES t(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED); INSERT INTO c VALUES(1,1),(2,2);
            CREATE TRIGGER f BEFORE DELETE ON c WHEN OLD.id = 2 BEGIN SELECT RAISE(FAIL, 'no'); END;
            """, "DELETE FROM t; UPDATE c SET t = 3;"),
        Case(
            "many rows below one",
            """
            CREATE TABLE t(id INTEGER PRIMARY KEY, p REFERENCES t(id) ON DELETE CASCADE, n DEFAULT 0); CREATE INDEX tp ON t(p);
            WITH RECURSIVE g(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM g WHERE x < 9000) INSERT INTO t SELECT x, CASE WHEN x > 1 THEN x / 100 + (x < 100) END, 0 FROM g;
            CREATE TRIGGER b BEFORE DELETE ON t WHEN OLD.id = 1 BEGIN UPDATE t SET n = n + 1; END;
            """, "DELETE FROM t WHERE id = 1;"),
        Case(
            "many rows that are left out",
            counting("id INTEGER PRIMARY KEY"),
            """
            WITH RECURSIVE g(x) AS (SELECT 4 UNION ALL SELECT x + 1 FROM g WHERE x < 9000) INSERT INTO t SELECT x, x, 0 FROM g;
            WITH RECURSIVE g(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM g WHERE x < 9500) INSERT OR IGNORE INTO t SELECT x, 'ignored', 0 FROM g;
            WITH RECURSIVE g(x) AS (SELECT 1 UNION ALL SELECT x + 2 FROM g WHERE x < 9600) INSERT INTO t SELECT x, 'upsert', 0 FROM g WHERE true
                ON CONFLICT DO UPDATE SET v = excluded.v, id = -id;
            """),
    ]

    /// Errors of a statement are part of some cases.
    private static func batch(_ capture: String, _ work: String) -> String {
        "PRAGMA foreign_keys = ON; SELECT batch_begin('b', NULL, '{\"capture\": \"\(capture)\"}'); \(work) SELECT batch_commit();"
    }

    @Test(arguments: cases, ["PRAGMA recursive_triggers = OFF;", "PRAGMA recursive_triggers = ON;"])
    func comesBack(example: Case, setting: String) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, example.schema)
            let before = try Hosts.dump(folder)
            let work = example.work.replacing(";", with: ";\n")
            _ = try Hosts.sqlite(folder, setting + Self.batch("triggers", "\n" + work))
            let after = try Hosts.dump(folder)
            #expect(after != before)
            #expect(try Hosts.sqlite(folder, "SELECT batch_rollback('b');").out == "rollback.1\n")
            #expect(try Hosts.dump(folder) == before)
            let again = try Hosts.sqlite(folder, "SELECT batch_rollback('rollback');")
            #expect(again.out == "rollback.2\n", "\(again)")
            #expect(try Hosts.dump(folder) == after)
            let tool = try Hosts.tool(folder, "verify")
            #expect(tool.code == 0, "\(tool)")
        }
    }

    /// A value that the program's collation takes for equal cannot be told from another one.
    @Test func aCollationOfTheProgramInSuchAKeyIsRefused() throws {
        try TemporaryFolder.with { folder in
            let result = try Hosts.python(
                folder,
                """
                d = connect(isolation_level=None)
                d.create_collation("own", lambda x, y: (x > y) - (x < y))
                d.executescript('''CREATE TABLE t(id TEXT COLLATE own PRIMARY KEY, n) WITHOUT ROWID; INSERT INTO t VALUES('a', 0);
                    CREATE TRIGGER u BEFORE UPDATE ON t BEGIN UPDATE t SET n = 5 WHERE n = 0; END;''')
                d.execute('''SELECT batch_begin('b', NULL, '{"capture": "triggers"}')''').fetchall()
                refused(d, "UPDATE t SET id = 'b'", "ERR_DATA_NOT_UNDOABLE", "table t", "collation")
                d.execute("SELECT batch_commit()").fetchall()
                assert d.execute("SELECT * FROM t").fetchall() == [("a", 0)]
                """)
            #expect(result.fault == nil, "\(result)")
        }
    }

    /// The hook reads the row by its key, and another unique index of columns of that key does not hold it any more.
    @Test func aUniqueIndexInsideAKeyWithoutRowid() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(
                folder,
                "CREATE TABLE t(id, q UNIQUE, p DEFAULT 1, PRIMARY KEY(id, q)) WITHOUT ROWID; INSERT INTO t VALUES(1, 1, NULL), (2, 2, NULL);"
            )
            let before = try Hosts.dump(folder)
            let result = try Hosts.sqlite(
                folder, Self.batch("hook", "UPDATE t SET p = id;") + "SELECT batch_rollback('b');")
            #expect(result.out == "b.1\nb.1\nrollback.1\n", "\(result)")
            #expect(try Hosts.dump(folder) == before)
        }
    }

    /// Random schemas and statements, recorded in both ways; a few are undone from the copies too.
    @Test(arguments: [0, 10_000, 20_000, 30_000])
    func randomSchemas(first: Int) throws {
        try TemporaryFolder.with { folder in
            let program = TextFile.inPackage("Tests/Hosts/twice_changed.py")
            let result = try BuiltTool.shell(
                "cd '\(folder)' && exec /usr/bin/python3 '\(program)' '\(Hosts.name)' \(first) 100 \"$TOOL\"")
            #expect(result.fault == nil)
            #expect(result.code == 0, "\(result)")
        }
    }
}
