internal import TestSupport
internal import Testing

/// Only the columns that a statement of a host may set are read twice: whatever it is, nothing may be missed.
struct StatementWatchTests {
    private static let rows = 200
    private static let schema = """
        CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c, up INT REFERENCES t(id) ON UPDATE CASCADE);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows))
        INSERT INTO t SELECT i, 'a' || i, 'b' || i, i, CASE WHEN i > 1 THEN i - 1 END FROM n;
        CREATE TABLE other(x); INSERT INTO other VALUES(1);

        """

    /// What runs before the batch, and in it.
    static let statements: [(before: String, batch: String)] = [
        ("", "UPDATE t SET a = a || '!'"),
        ("", "UPDATE t SET (a, b) = (b, a)"),
        ("", "UPDATE t SET a = 1;\nUPDATE t SET b = 2;\nUPDATE t SET c = 3, a = 4"),
        ("", "UPDATE t SET a = 1 WHERE id <= 50;\nUPDATE t SET b = 1 WHERE id > 40"),
        ("", "UPDATE t SET a = o.x FROM other AS o"),
        (
            "",
            "INSERT INTO t(id, a) SELECT id, 'new' FROM t WHERE true ON CONFLICT DO UPDATE SET b = excluded.a, c = -1"
        ),
        ("", "UPDATE t SET c = 7 RETURNING a"),
        ("", "WITH x AS (SELECT max(c) AS m FROM t) UPDATE t SET c = c + (SELECT m FROM x)"),
        // A trigger sets another column, always or only late.
        (
            "CREATE TRIGGER tt AFTER UPDATE OF a ON t BEGIN UPDATE t SET b = 'by trigger' WHERE id = NEW.id; END",
            "UPDATE t SET a = 1"
        ),
        (
            "CREATE TRIGGER tt AFTER UPDATE OF a ON t WHEN NEW.id > 150 BEGIN UPDATE t SET b = 'late' WHERE id = NEW.id; END",
            "UPDATE t SET a = 1"
        ),
        (
            "CREATE VIEW v AS SELECT id, a FROM t; CREATE TRIGGER vv INSTEAD OF UPDATE ON v BEGIN UPDATE t SET c = NEW.a WHERE id = NEW.id; END",
            "UPDATE v SET a = 'through the view'"
        ),
        (
            "PRAGMA recursive_triggers = ON; CREATE TRIGGER tt AFTER DELETE ON t BEGIN UPDATE t SET b = OLD.id WHERE id = OLD.id + 1; END",
            "UPDATE OR REPLACE t SET id = id + 1 WHERE id > 20"
        ),
        // Foreign keys follow the key.
        ("PRAGMA foreign_keys = ON", "UPDATE t SET id = id + 1000"),
        // What fails is taken back, and the next statement is another one.
        (
            "CREATE TABLE u(k UNIQUE, v); INSERT INTO u SELECT id, 0 FROM t",
            "UPDATE u SET v = 1;\nUPDATE OR FAIL u SET k = 300 WHERE k > 100;\nUPDATE u SET v = k"
        ),
        (
            "CREATE TABLE u(k INTEGER PRIMARY KEY, v CHECK(v < 150), w); INSERT INTO u SELECT id, 0, 0 FROM t",
            "UPDATE u SET v = k;\nUPDATE u SET w = k;\nUPDATE u SET v = 1"
        ),
        ("", "SAVEPOINT s;\nUPDATE t SET a = 1;\nROLLBACK TO s;\nUPDATE t SET b = 1;\nRELEASE s"),
        ("CREATE TEMP TABLE t2(x); CREATE TEMP VIEW s AS SELECT 5 AS x", "UPDATE t SET b = (SELECT x FROM s)"),
        (
            "ATTACH ':memory:' AS aux; CREATE TABLE aux.far(x); INSERT INTO aux.far VALUES(3)",
            "UPDATE t SET b = far.x FROM far"
        ),
    ]

    @Test(arguments: statements, ["hook", "triggers"])
    func everyColumnThatChangedComesBack(_ statement: (before: String, batch: String), capture: String) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, StatementWatchTests.schema)
            let result = try Hosts.sqlite(
                folder,
                """
                \(statement.before);
                .once before.txt
                .dump t u other
                SELECT batch_begin('work', NULL, '{"capture": "\(capture)"}');
                .output /dev/null
                \(statement.batch);
                .output
                SELECT batch_commit();
                .once after.txt
                .dump t u other
                SELECT 'stale ' || table_name FROM batchmgr_state WHERE table_name IN ('t', 'u', 'other') \
                AND digest <> batch_digest(table_name);
                SELECT batch_rollback('work');
                .once undone.txt
                .dump t u other
                """)
            #expect(result.out == "work.1\nwork.1\nrollback.1\n", "\(result)")
            let files = try ["before", "after", "undone"].map { try TextFile.read("\(folder)/\($0).txt") }
            #expect(files[0] == files[2])
            #expect(files[0] != files[1], "the batch changed nothing")
        }
    }

    /// The hook records in order whoever writes; where TEMP triggers do it, another one could come before them.
    @Test func aTemporaryTriggerOfTheHostIsRecordedOrRefused() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, StatementWatchTests.schema)
            let before = try Hosts.dump(folder)
            let trigger =
                "CREATE TEMP TRIGGER tt AFTER UPDATE OF a ON main.t WHEN NEW.id > 150 BEGIN UPDATE t SET b = 'late' WHERE id = NEW.id; END;"
            let work = "UPDATE t SET a = 1; SELECT batch_commit();"
            let undo = "SELECT batch_rollback('work'); SELECT name FROM temp.sqlite_schema WHERE type = 'trigger';"
            let begin = { (capture: String) in #"SELECT batch_begin('work', NULL, '{"capture": "\#(capture)"}');"# }
            let hook = try Hosts.sqlite(folder, trigger + begin("hook") + work + undo)
            #expect(hook.out == "work.1\nwork.1\nrollback.1\ntt\n", "\(hook)")
            let refused = try Hosts.sqlite(folder, trigger + begin("triggers"))
            #expect(refused.err.contains("batch_begin: ERR_DATA_NOT_UNDOABLE: TEMP trigger tt"), "\(refused)")
            let late = try Hosts.sqlite(folder, begin("triggers") + trigger + work)
            #expect(late.err.contains("batch_commit: ERR_DATA_NOT_UNDOABLE: TEMP trigger tt"), "\(late)")
            #expect(try Hosts.dump(folder) == before)
        }
    }

    /// A function of the host changes the table while a statement of many rows runs, and a statement that returns rows is
    /// still open while the next one runs.
    @Test func statementsWithinStatementsAreToldApart() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, StatementWatchTests.schema)
            let result = try Hosts.python(
                folder,
                """
                db = connect(isolation_level=None)
                before = db.execute("SELECT * FROM t").fetchall()
                def inner(id):
                    if id > 150: db.execute("UPDATE t SET b = 'inner' WHERE id = ?", (id - 100,))
                    return id
                db.create_function("f", 1, inner)
                db.create_function("abs", 1, inner)
                def undone(*statements):
                    db.execute("SELECT batch_begin('work')")
                    for statement in statements: statement()
                    batch, = db.execute("SELECT batch_commit()").fetchone()
                    assert db.execute("SELECT * FROM t").fetchall() != before
                    db.execute("SELECT batch_rollback(?)", (batch,)).fetchall()
                    after = db.execute("SELECT * FROM t").fetchall()
                    assert after == before, [pair for pair in zip(before, after) if pair[0] != pair[1]][:3]
                undone(lambda: db.execute("UPDATE t SET a = f(id)"))
                undone(lambda: db.execute("UPDATE t SET a = abs(id)"))
                rows = []
                def left_open():
                    rows.append(db.execute("UPDATE t SET a = 'x' RETURNING id"))
                    rows[-1].fetchone()
                undone(left_open, lambda: db.execute("UPDATE t SET b = 'y'"), lambda: rows[-1].fetchall())
                reading = db.execute("SELECT * FROM other")
                undone(lambda: db.executemany("UPDATE t SET c = ? WHERE id = ?", [(i, i) for i in range(1, 200)]),
                       lambda: db.executemany("UPDATE t SET b = ? WHERE id <= ?", [(i, i) for i in range(1, 90)]))
                print("well")
                """)
            #expect(result.fault == nil && result.out == "well\n", "\(result)")
        }
    }

    /// Also a host's batch is known by what it reads, through views, triggers and keys.
    @Test(arguments: ["hook", "triggers"])
    func whatABatchReadsIsAnEvidenceForTheGraph(capture: String) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(
                folder,
                """
                CREATE TABLE rates(code TEXT PRIMARY KEY, rate REAL, note);
                INSERT INTO rates VALUES('eur', 1.5, NULL), ('usd', 1.2, NULL);
                CREATE VIEW current AS SELECT code, rate FROM rates;
                CREATE TABLE sums(id INTEGER PRIMARY KEY, amount);
                """)
            let result = try Hosts.sqlite(
                folder,
                """
                SELECT batch_begin('rates', NULL, '{"capture": "\(capture)"}');
                UPDATE rates SET rate = rate * 2;
                SELECT batch_commit();
                SELECT batch_begin('notes', NULL, '{"capture": "\(capture)"}');
                UPDATE rates SET note = 'seen' WHERE code = 'eur';
                SELECT batch_commit();
                SELECT batch_begin('sums', NULL, '{"capture": "\(capture)"}');
                INSERT INTO sums SELECT 1, total(rate) FROM current;
                SELECT batch_commit();
                SELECT dependent, kind, evidence FROM batch_dependents('rates.1') ORDER BY kind;
                SELECT dependent, kind, evidence FROM batch_dependents('notes.1');
                """)
            #expect(
                result.out == """
                    rates.1
                    rates.1
                    notes.1
                    notes.1
                    sums.1
                    sums.1
                    sums.1|read|read rates.code, rates.rate
                    notes.1|row|row rates 1 key
                    sums.1|read|read rates.code, rates.rate

                    """, "\(result)")
            let graph = try Hosts.tool(folder, "graph --id rates")
            #expect(graph.out.contains("read rates.code, rates.rate"), "\(graph)")
        }
    }

    @Test func thePageCacheIsWideForTheLengthOfABatchAlone() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, StatementWatchTests.schema)
            let result = try Hosts.sqlite(
                folder,
                """
                PRAGMA cache_size;
                SELECT batch_begin('a'); PRAGMA cache_size; UPDATE other SET x = 2; SELECT batch_commit(); PRAGMA cache_size;
                SELECT batch_begin('a'); UPDATE other SET x = 3; SELECT batch_abort(); PRAGMA cache_size;
                BEGIN; SELECT batch_begin('a', NULL, '{"on_commit": "end"}'); UPDATE other SET x = 4; COMMIT;
                SELECT count(*) FROM batch_log; SELECT batch_rollback('a.2'); PRAGMA cache_size;
                PRAGMA cache_size = -500; SELECT batch_begin('a'); PRAGMA cache_size; SELECT batch_abort(); PRAGMA cache_size;
                """)
            #expect(
                result.out.split(separator: "\n").map(String.init) == [
                    "-2000", "a.1", "-32768", "a.1", "-2000", "a.2", "a.2", "-2000", "a.2", "2", "rollback.1", "-2000",
                    "a.3", "-500", "a.3", "-500",
                ], "\(result)")
        }
    }
}
