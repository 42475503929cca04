internal import TestSupport
internal import Testing

/// Nothing that a program does may end it with a signal: each of these ends in an SQL error or a result.
struct HostileTests {
    private static let table = "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1,1),(2,2);\n"

    private func expectFine(
        _ program: String, schema: String = HostileTests.table, at location: SourceLocation = #_sourceLocation
    ) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, schema)
            let result = try Hosts.python(folder, program)
            #expect(result.fault == nil, sourceLocation: location)
            #expect(try Hosts.sql(folder, "PRAGMA integrity_check") == "ok\n", sourceLocation: location)
        }
    }

    @Test func everyFunctionTakesEveryArgument() throws {
        try expectFine(
            """
            import itertools
            values = ["NULL", "''", "0", "-1", "1e999", "-0.0", "9223372036854775807", "'x.1'", "'x'", "x'00ff'",
                      "cast(x'fffe00' as text)", "zeroblob(100000000)", "'a' || char(0) || 'b'", "char(55296)",
                      "hex(zeroblob(600000))", "'{}'", "'[' || hex(zeroblob(2000)) || ']'", "replace(hex(zeroblob(5000)), '00', '[')"]
            scalars = [("batch_begin", 3), ("batch_checkpoint", 1), ("batch_commit", 0), ("batch_abort", 0), ("batch_rollback", 2),
                       ("batch_digest", 1), ("batch_switch", 1), ("batchmgr_version", 0), ("batchmgr_record", 6),
                       ("batchmgr_candidate", 4), ("batchmgr_image", 5), ("batchmgr_announcement", 6), ("batchmgr_end", 6)]
            tables = [("batch_checkpoints", 1), ("batch_changes", 1), ("batch_dependents", 1), ("batch_row_history", 2), ("batch_as_of", 2)]
            c = connect(isolation_level=None)
            ran = 0
            for state in ["", "SELECT batch_begin('x')"]:
                for name, most in scalars + tables:
                    for count in range(most + 2):
                        lists = itertools.product(values, repeat=count) if count < 2 else [[v] * count for v in values] + [["'t'", "'x.1'"] + [v] * (count - 2) for v in values]
                        for arguments in lists:
                            call = "%s(%s)" % (name, ", ".join(arguments))
                            for sql in (["SELECT " + call] if (name, most) in scalars else ["SELECT * FROM " + call]):
                                try:
                                    if state and not c.in_transaction:
                                        c.execute(state)
                                    c.execute(sql).fetchall()
                                except (sqlite3.Error, sqlite3.Warning) as error:
                                    pass
                                ran += 1
            assert ran > 500
            """)
    }

    @Test func callsInTheWrongOrderAreErrors() throws {
        try expectFine(
            """
            import random
            random.seed(11)
            calls = ["SELECT batch_begin('a')", "SELECT batch_checkpoint('c')", "SELECT batch_commit()", "SELECT batch_abort()",
                     "SELECT batch_rollback('a')", "SELECT batch_rollback('a', 'cascade')", "SELECT batch_rollback('rollback')",
                     "BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT s", "RELEASE s", "ROLLBACK TO s",
                     "INSERT INTO t(v) VALUES(random())", "UPDATE t SET v = random()", "DELETE FROM t WHERE id % 3 = 0",
                     "INSERT INTO t SELECT 1, 2", "SELECT * FROM batch_changes('a')", "SELECT count(*) FROM batch_as_of('t', 'a')",
                     "SELECT * FROM batch_row_history('t', 1)", "INSERT INTO t(v) SELECT batch_commit()",
                     "CREATE TABLE IF NOT EXISTS u(x)", "DROP TABLE IF EXISTS u", "ALTER TABLE u ADD COLUMN y", "ALTER TABLE t RENAME TO tt", "ALTER TABLE tt RENAME TO t",
                     "CREATE TABLE u AS SELECT * FROM t", "CREATE INDEX IF NOT EXISTS i ON t(v)", "DROP INDEX IF EXISTS i", "CREATE VIEW IF NOT EXISTS w AS SELECT * FROM t", "DROP VIEW IF EXISTS w", "VACUUM", "PRAGMA foreign_keys = ON",
                     "SELECT batch_begin('b', NULL, '{\\"capture\\":\\"triggers\\"}')", "RELEASE batchmgr_batch", "ANALYZE"]
            c = connect(isolation_level=None)
            seen = set()
            for step in range(4000):
                sql = random.choice(calls)
                try:
                    c.execute(sql).fetchall()
                    seen.add(sql)
                except sqlite3.Error:
                    pass
            assert len(seen) == len(calls) - 3, set(calls) - seen
            while c.in_transaction:
                c.execute("ROLLBACK")
            # Whatever happened, each batch that stands can be told from the database, and undone or refused.
            for (batch,) in c.execute("SELECT batch FROM batch_log").fetchall()[-50:]:
                try:
                    c.execute("SELECT count(*) FROM batch_changes(?)", (batch,)).fetchall()
                except sqlite3.Error as error:
                    assert "ERR_DATA_CONFLICT" in str(error) or "ERR_DATA_SCHEMA_CHANGED" in str(error), error
            """)
    }

    @Test(arguments: ["hook", "triggers"])
    func aConnectionIsClosedInMidBatch(capture: String) throws {
        try expectFine(
            """
            options = '{"capture": "\(capture)"}'
            for joined in [False, True]:
                for drop in [False, True]:
                    c = connect(isolation_level=None)
                    if joined:
                        c.execute("BEGIN")
                    c.execute("SELECT batch_begin('x', NULL, ?)", (options,))
                    # More than the record holds in one piece.
                    c.execute("WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 20000) INSERT INTO t(v) SELECT hex(randomblob(30)) FROM s")
                    c.execute("SELECT batch_checkpoint('one')")
                    c.execute("UPDATE t SET v = 1 WHERE id < 100")
                    cursor = c.execute("SELECT * FROM t")
                    if drop:
                        del cursor
                        c.close()
                    else:
                        # The connection lives on, closed, until its last statement is gone.
                        c.close()
                        del cursor
            c = connect()
            assert c.execute("SELECT count(*) FROM t").fetchall() == [(40002,)]
            """)
    }

    /// `sqlite3_close` refuses while statements are left: none of ours may be.
    @Test func theShellClosesCleanlyInMidBatch() throws {
        try TemporaryFolder.with { folder in
            let schema =
                "CREATE TABLE g(a, b AS (a + 1), c, PRIMARY KEY(c)) WITHOUT ROWID; INSERT INTO g(a, c) VALUES(1, 1);\n"
            _ = try Hosts.sql(folder, schema)
            let result = try Hosts.sqlite(
                folder,
                "SELECT batch_begin('x'); UPDATE g SET a = 2; SELECT batch_checkpoint('y'); UPDATE g SET a = 3;\n.open other.db\n"
            )
            #expect(result.err == "" && result.code == 0, "\(result)")
        }
    }

    @Test func connectionsAndThreadsOfOneProcess() throws {
        try expectFine(
            """
            def work(number):
                c = connect("app%d.db" % (number % 2), isolation_level=None, timeout=30)
                c.execute("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v)")
                for i in range(15):
                    try:
                        c.execute("SELECT batch_begin('w%d')" % number)
                        c.execute("INSERT INTO t(v) VALUES(?)", (number,))
                        c.execute("SELECT batch_commit()" if i % 3 else "SELECT batch_abort()")
                        c.execute("SELECT count(*) FROM batch_changes('w%d')" % number).fetchall()
                    except sqlite3.OperationalError as error:
                        assert "BUSY" in str(error) or "locked" in str(error) or "committed nothing" in str(error) or "no batch" in str(error), error
                c.close()
            threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
            [t.start() for t in threads]; [t.join() for t in threads]
            # One connection, handed from thread to thread.
            c = connect(isolation_level=None, check_same_thread=False)
            for sql in ["SELECT batch_begin('handed')", "UPDATE t SET v = 9", "SELECT batch_checkpoint('a')", "DELETE FROM t", "SELECT batch_commit()", "SELECT batch_rollback('handed')"]:
                t = threading.Thread(target=lambda: c.execute(sql).fetchall()); t.start(); t.join()
            assert c.execute("SELECT count(*), sum(v) FROM t").fetchall() == [(2, 3)]
            # Two at once: the second waits, and is told.
            d = connect(isolation_level=None, timeout=0.1)
            c.execute("SELECT batch_begin('one')")
            refused(d, "SELECT batch_begin('two')", "batch_begin", "ERR_PERF_BUSY")
            c.execute("SELECT batch_abort()")
            """)
    }

    @Test func aProcessThatForksGoesOn() throws {
        try expectFine(
            """
            def work(path):
                c = connect(path, isolation_level=None)
                c.execute("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v)")
                c.execute("SELECT batch_begin('x')")
                c.execute("WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 30000) INSERT INTO t(v) SELECT hex(randomblob(30)) FROM s")
                return c
            c = work("app.db")
            child = os.fork()
            if child == 0:
                refused(c, "SELECT batch_commit()", "batch_commit", "another process")
                work("second.db").execute("SELECT batch_commit()")
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            c.execute("SELECT batch_commit()")
            c.execute("SELECT batch_rollback('x')")
            """)
    }

    @Test func databasesThatCannotBeWrittenOrHaveNoFile() throws {
        try expectFine(
            """
            c = connect("file:app.db?mode=ro", uri=True)
            refused(c, "SELECT batch_begin('x')", "batch_begin", "ERR_INTEGRATION_READ_ONLY")
            assert c.execute("SELECT count(*) FROM batch_log").fetchall() == [(0,)]
            m = connect(":memory:", isolation_level=None)
            m.execute("CREATE TABLE t(v)"); m.execute("INSERT INTO t VALUES(1)")
            m.execute("SELECT batch_begin('x')"); m.execute("UPDATE t SET v = 2"); m.execute("SELECT batch_commit()")
            assert m.execute("SELECT count(*) FROM batch_points").fetchall() == [(0,)]
            m.execute("SELECT batch_rollback('x')")
            assert m.execute("SELECT v FROM t").fetchall() == [(1,)]
            m.execute("ATTACH 'app.db' AS other")
            m.execute("SELECT batch_begin('both')")
            m.execute("UPDATE other.t SET v = 5"); m.execute("UPDATE t SET v = 5")
            m.execute("SELECT batch_commit()")
            m.execute("SELECT batch_rollback('both')")
            assert m.execute("SELECT t.v, o.v FROM t, other.t o WHERE o.id = 1").fetchall() == [(1, 5)]
            m.execute("PRAGMA query_only = ON")
            refused(m, "SELECT batch_begin('x')", "batch_begin")
            """)
    }

    @Test func loadingTwiceChangesNothing() throws {
        try expectFine(
            """
            import shutil
            shutil.copy("\(Hosts.library)", "batchmgr.so")
            c = connect(isolation_level=None)
            c.execute("SELECT batch_begin('x')")
            c.execute("UPDATE t SET v = 7")
            c.load_extension("\(Hosts.name)")
            c.load_extension("./batchmgr")
            c.execute("SELECT load_extension('./batchmgr')")
            c.execute("SELECT batch_commit()")
            c.execute("SELECT batch_rollback('x')")
            assert c.execute("SELECT sum(v) FROM t").fetchall() == [(3,)]
            d = connect(isolation_level=None)
            d.execute("SELECT batch_begin('y')"); c.close(); d.execute("SELECT batch_abort()")
            """)
    }

    @Test func aLedgerThatSomebodyRuinedIsAnError() throws {
        try expectFine(
            """
            c = connect(isolation_level=None)
            for name in ["first", "second"]:
                c.execute("SELECT batch_begin(?)", (name,)); c.execute("UPDATE t SET v = v + 1"); c.execute("SELECT batch_commit()")
            def calls():
                for sql in ["SELECT batch_rollback('second')", "SELECT * FROM batch_changes('first')", "SELECT * FROM batch_dependents('first')",
                            "SELECT count(*) FROM batch_as_of('t', 'first')",
                            "SELECT count(*) FROM batch_as_of('t', 'second')", "SELECT * FROM batch_row_history('t', 1)",
                            "SELECT batch_begin('first')", "INSERT INTO t(v) VALUES(1)", "SELECT batch_commit()", "SELECT batch_abort()"]:
                    try:
                        c.execute(sql).fetchall()
                    except sqlite3.Error as error:
                        assert "batch" in str(error), error
            import random
            random.seed(3)
            ruin = ["UPDATE batchmgr_undo SET data = randomblob(length(data))", "UPDATE batchmgr_undo SET data = x''", "DELETE FROM batchmgr_undo",
                    "UPDATE batchmgr_undo SET entries = -1, size = -5", "UPDATE batchmgr_undo SET size = 9223372036854775807",
                    "UPDATE batchmgr_facts SET keys = randomblob(9)", "UPDATE batchmgr_layouts SET layout = '{}'", "UPDATE batchmgr_layouts SET layout = 'x'",
                    "UPDATE batchmgr_batches SET number = 9223372036854775807", "UPDATE batchmgr_batches SET status = 'x'",
                    "UPDATE batchmgr_batches SET batch = batch || '.x'", "UPDATE batchmgr_checkpoints SET number = 9223372036854775807",
                    "UPDATE batchmgr_checkpoints SET inserted = 9223372036854775807", "UPDATE batchmgr_batches SET inserted = 9223372036854775807",
                    "UPDATE batchmgr_state SET digest = 'z', rows = 9223372036854775807", "UPDATE batchmgr_meta SET value = '99'", "DELETE FROM batchmgr_meta",
                    "UPDATE batchmgr_changes SET number = 77", "UPDATE batchmgr_checkpoints SET id = 9223372036854775807 WHERE id = 2"]
            for sql in ruin:
                c.execute("SAVEPOINT ruined")
                c.execute(sql)
                calls()
                if c.in_transaction:
                    try:
                        c.execute("ROLLBACK TO ruined"); c.execute("RELEASE ruined")
                    except sqlite3.Error:
                        pass
                c.close()
                c = connect("app.db", isolation_level=None)
                work = connect("copy.db", isolation_level=None); c.backup(work); c.close(); c = work
                c.execute(sql); calls(); c.close()
                c = connect("app.db", isolation_level=None)
            """)
    }

    @Test func hugeAndBrokenValuesComeBackAsTheyWere() throws {
        try expectFine(
            """
            c = connect(isolation_level=None)
            c.execute("CREATE TABLE big(id INTEGER PRIMARY KEY, v)")
            values = ["zeroblob(60000000)", "cast(x'fffe80' as text)", "cast(x'610062' as text)", "9e999", "-9e999", "x''", "''", "NULL", "-0.0", "9223372036854775807"]
            for v in values:
                c.execute("INSERT INTO big(v) VALUES(%s)" % v)
            before = c.execute("SELECT batch_digest('big')").fetchall()
            for capture in ["hook", "triggers"]:
                c.execute("SELECT batch_begin('x', NULL, ?)", ('{"capture": "%s"}' % capture,))
                c.execute("UPDATE big SET v = typeof(v)")
                c.execute("DELETE FROM big WHERE id < 5")
                c.execute("INSERT INTO big(v) VALUES(zeroblob(30000000))")
                c.execute("SELECT batch_commit()")
                assert c.execute("SELECT count(*) FROM batch_changes('x') WHERE length(before) = 60000000").fetchall() == [(1,)]
                c.execute("SELECT batch_rollback('x')")
                assert c.execute("SELECT batch_digest('big')").fetchall() == before
            """)
    }
}
