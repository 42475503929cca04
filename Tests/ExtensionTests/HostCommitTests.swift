internal import TestSupport
internal import Testing

/// What becomes of a batch when the program commits, when somebody stands in the way, and in a transaction of the program.
struct HostCommitTests {
    static let head = """
        path = "app.db"
        def fresh(**options):
            for name in [path, path + "-wal", path + "-shm", path + "-journal"]:
                if os.path.exists(name): os.remove(name)
            c = connect(path, isolation_level=None, timeout=0.05, **options)
            c.execute("CREATE TABLE a(id INTEGER PRIMARY KEY, v)"); c.execute("INSERT INTO a(v) VALUES('x'), ('y')")
            c.execute("SELECT batch_begin('zero')").fetchall(); c.execute("SELECT batch_commit()").fetchall()
            return c
        def rows(c): return c.execute("SELECT * FROM a").fetchall()
        def is_proven(c):
            return c.execute("SELECT digest = batch_digest('a') FROM batchmgr_state WHERE table_name = 'a'").fetchall() == [(1,)]

        """

    static func expectFine(_ program: String, capture: String = "hook", with interpreter: String = "/usr/bin/python3")
        throws
    {
        try TemporaryFolder.with { folder in
            let text = head + program.replacing("CAPTURE", with: capture)
            let result = try Hosts.python(folder, text, with: interpreter)
            #expect(result.fault == nil, "\(capture): \(result)")
        }
    }

    @Test(arguments: ["hook", "triggers"], ["SELECT batch_commit()", "SELECT batch_checkpoint('c')", "COMMIT"])
    func aReaderInTheWayLosesNothing(capture: String, end: String) throws {
        try Self.expectFine(
            """
            c = fresh(); before = rows(c)
            other = sqlite3.connect(path); read = other.execute("SELECT * FROM a"); read.fetchone()
            c.execute("SELECT batch_begin('j', NULL, '{\\"capture\\": \\"CAPTURE\\", \\"on_commit\\": \\"end\\"}')").fetchall()
            c.execute("INSERT INTO a(v) VALUES('work of an hour')")
            try:
                c.execute("\(end)").fetchall()
                raise AssertionError("was not busy")
            except sqlite3.OperationalError as error:
                if "COMMIT" != "\(end)": assert "ERR_PERF_BUSY" in str(error) and "still open" in str(error), error
            assert c.in_transaction
            c.execute("INSERT INTO a(v) VALUES('and more')")
            read.fetchall(); read.close()
            c.execute("\(end)").fetchall()
            if c.in_transaction: c.execute("SELECT batch_commit()").fetchall()
            assert len(rows(c)) == 4 and is_proven(c), rows(c)
            assert c.execute("SELECT count(*) FROM batchmgr_audit WHERE action = 'run' AND batch = 'j.1'").fetchall() == [(1,)]
            assert c.execute("SELECT status, inserted FROM batch_log WHERE batch = 'j.1'").fetchall() == [("committed", 2)]
            c.execute("SELECT batch_rollback('j')").fetchall()
            assert rows(c) == before
            """, capture: capture)
    }

    @Test func aStaleSnapshotSaysWhatHelps() throws {
        try Self.expectFine(
            """
            c = fresh(); c.execute("PRAGMA journal_mode = WAL").fetchall()
            other = sqlite3.connect(path, isolation_level=None)
            c.execute("BEGIN"); rows(c)
            other.execute("INSERT INTO a(v) VALUES('elsewhere')")
            refused(c, "SELECT batch_begin('late')", "ERR_PERF_BUSY", "BEGIN IMMEDIATE")
            c.execute("ROLLBACK"); c.execute("BEGIN IMMEDIATE")
            c.execute("SELECT batch_begin('late')").fetchall(); c.execute("DELETE FROM a"); c.execute("SELECT batch_commit()").fetchall()
            c.execute("COMMIT"); assert rows(c) == []
            """)
    }

    @Test(arguments: ["hook", "triggers"])
    func aCommitInTheMiddleIsRefused(capture: String) throws {
        try Self.expectFine(
            """
            c = fresh(); before = rows(c)
            c.execute("SELECT batch_begin('j', NULL, '{\\"capture\\": \\"CAPTURE\\"}')").fetchall()
            c.execute("INSERT INTO a(v) VALUES('first')")
            refused(c, "COMMIT", "COMMIT: ERR_UX_WRONG_STATE", "j.1 is open", "batch_commit()")
            assert c.in_transaction
            c.execute("DELETE FROM a WHERE v = 'x'")
            c.execute("SELECT batch_commit()").fetchall()
            assert not c.in_transaction and is_proven(c) and len(rows(c)) == 2
            c.execute("SELECT batch_rollback('j')").fetchall(); assert rows(c) == before
            # In a transaction of the program too.
            c.execute("BEGIN"); c.execute("SELECT batch_begin('j', NULL, '{\\"capture\\": \\"CAPTURE\\"}')").fetchall()
            c.execute("DELETE FROM a"); refused(c, "COMMIT", "j.2 is open")
            c.execute("SELECT batch_commit()").fetchall(); c.execute("COMMIT")
            c.execute("SELECT batch_rollback('j.2')").fetchall(); assert rows(c) == before
            # With a library that commits on its own.
            c.execute("SELECT batch_begin('j', NULL, '{\\"capture\\": \\"CAPTURE\\"}')").fetchall()
            try:
                with c:
                    c.execute("INSERT INTO a(v) VALUES('first')"); c.executescript("INSERT INTO a(v) VALUES('second')")
                raise AssertionError()
            except sqlite3.OperationalError: pass
            assert rows(c) == before
            """, capture: capture)
    }

    @Test(arguments: ["hook", "triggers"])
    func aCommitInTheMiddleIsACheckpoint(capture: String) throws {
        try Self.expectFine(
            """
            c = fresh(); before = rows(c)
            options = '{"capture": "CAPTURE", "on_commit": "checkpoint"}'
            def begin(): c.execute("SELECT batch_begin('j', NULL, ?)", (options,)).fetchall()
            def undo():
                c.execute("SELECT batch_commit()").fetchall()
                assert is_proven(c)
                c.execute("SELECT batch_rollback('j')").fetchall()
                assert rows(c) == before, rows(c)
            begin()
            c.execute("INSERT INTO a(v) VALUES('one')"); c.execute("COMMIT")
            c.execute("INSERT INTO a(v) VALUES('two')")              # a transaction of its own
            c.execute("COMMIT") if c.in_transaction else None
            c.execute("BEGIN"); rows(c); c.execute("UPDATE a SET v = 3 WHERE id > 1"); c.execute("DELETE FROM a WHERE id = 1"); c.execute("COMMIT")
            c.execute("REPLACE INTO a VALUES(2, 'new')")
            undo()
            # What is taken back leaves no trace.
            begin(); c.execute("INSERT INTO a(v) VALUES('kept')"); c.execute("COMMIT")
            c.execute("BEGIN"); c.execute("DELETE FROM a"); c.execute("ROLLBACK")
            refused(c, "INSERT INTO a SELECT id + 9, v FROM a UNION ALL SELECT 1, 'there'", "UNIQUE")
            c.execute("BEGIN"); c.execute("SAVEPOINT s"); c.execute("DELETE FROM a"); c.execute("ROLLBACK TO s")
            c.execute("UPDATE a SET v = 'u'"); c.execute("COMMIT")
            assert len(rows(c)) == 3
            undo()
            # An abort keeps what is committed.
            begin(); c.execute("INSERT INTO a(v) VALUES('kept')"); c.execute("COMMIT"); c.execute("SELECT batch_abort()").fetchall()
            assert c.execute("SELECT status FROM batch_log ORDER BY rowid DESC").fetchall() is not None
            c.execute("SELECT batch_rollback('j')").fetchall(); assert rows(c) == before
            """, capture: capture)
    }

    @Test func aSchemaThatChangedBetweenIsNoticed() throws {
        try Self.expectFine(
            """
            c = fresh()
            c.execute("SELECT batch_begin('j', NULL, '{\\"on_commit\\": \\"checkpoint\\"}')").fetchall()
            c.execute("INSERT INTO a(v) VALUES('one')"); c.execute("COMMIT")
            c.execute("CREATE TABLE unseen(x)")
            refused(c, "SELECT batch_commit()", "ERR_DATA_NOT_UNDOABLE", "between two transactions")
            """)
    }

    /// A full-text table may write its last rows with COMMIT, after everything that is recorded.
    @Test(arguments: ["fts5(b)", "fts4(b)", "fts3(b)"])
    func aCommitBehindFullTextIsRefused(module: String) throws {
        try Self.expectFine(
            """
            c = fresh(); c.execute("CREATE VIRTUAL TABLE ft USING \(module)"); c.execute("INSERT INTO ft VALUES('old words')")
            for end in ["end", "checkpoint"]:
                c.execute("SELECT batch_begin('j', NULL, ?)", ('{"on_commit": "%s"}' % end,)).fetchall()
                c.execute("INSERT INTO ft VALUES('new words')")
                refused(c, "COMMIT", "virtual table ft", "batch_commit()")
                c.execute("SELECT batch_commit()").fetchall()
                c.execute("SELECT batch_rollback('j')").fetchall()
                assert c.execute("SELECT count(*) FROM ft WHERE ft MATCH 'words'").fetchall() == [(1,)]
            """)
    }

    @Test(arguments: ["restrict", "cascade", "unconflicted"])
    func aRollbackJoinsATransaction(mode: String) throws {
        try Self.expectFine(
            """
            c = fresh(); c.execute("PRAGMA foreign_keys = ON"); c.execute("CREATE TEMP TABLE noted(x)")
            c.execute("CREATE TEMP TRIGGER note AFTER DELETE ON main.a BEGIN INSERT INTO noted VALUES(old.id); END")
            before = rows(c)
            c.execute("SELECT batch_begin('j')").fetchall(); c.execute("INSERT INTO a(v) VALUES('new')"); c.execute("SELECT batch_commit()").fetchall()
            after = rows(c)
            for end in ["ROLLBACK", "COMMIT"]:
                c.execute("BEGIN"); c.execute("CREATE TABLE IF NOT EXISTS mine(x)"); c.execute("INSERT INTO mine VALUES(1)")
                assert c.execute("SELECT batch_rollback('j', '\(mode)')").fetchall()[0][0].startswith("rollback.")
                assert c.in_transaction and rows(c) == before
                refused(c, "SELECT batch_rollback('j')", "batch_rollback: ")
                assert c.in_transaction and rows(c) == before
                c.execute(end)
                assert rows(c) == (after if end == "ROLLBACK" else before)
            assert is_proven(c) and c.execute("SELECT * FROM noted").fetchall() == []
            assert c.execute("PRAGMA foreign_keys").fetchall() == [(1,)]
            c.execute("INSERT INTO a(id) VALUES(99)"); c.execute("DELETE FROM a WHERE id = 99")
            assert c.execute("SELECT * FROM noted").fetchall() == [(99,)]
            """)
    }

    @Test func tablesOfTheLedgerAreNotDropped() throws {
        try Self.expectFine(
            """
            c = fresh(); c.execute("CREATE TABLE batchmgr_mine(x)")
            for batch in [False, True]:
                if batch: c.execute("SELECT batch_begin('j')").fetchall()
                for sql in ["DROP TABLE batchmgr_audit", "DROP INDEX batchmgr_batches_job", "ALTER TABLE Batchmgr_meta RENAME TO x",
                            "CREATE TRIGGER x AFTER INSERT ON batchmgr_audit BEGIN SELECT 1; END",
                            "CREATE TEMP TRIGGER x AFTER INSERT ON main.batchmgr_audit BEGIN SELECT 1; END"]:
                    refused(c, sql, "not authorized")
            c.execute("UPDATE a SET v = 1")
            c.execute("SELECT batch_commit()").fetchall()
            # The application's own table, whatever it is called.
            c.execute("DROP TABLE batchmgr_mine")
            # What the program forbids stays forbidden, and its own authorizer takes the place of ours.
            c.set_authorizer(lambda *what: sqlite3.SQLITE_DENY if what[0] == sqlite3.SQLITE_DELETE else sqlite3.SQLITE_OK)
            c.execute("SELECT batch_begin('j')").fetchall()
            refused(c, "DELETE FROM a", "not authorized")
            refused(c, "DROP TABLE batchmgr_audit", "not authorized")
            c.execute("SELECT batch_abort()").fetchall()
            """)
    }

    @Test(arguments: [
        "DELETE FROM batchmgr_audit", "UPDATE batchmgr_meta SET value = '{}'", "INSERT INTO batchmgr_gate VALUES(7)",
    ])
    func theLedgerIsNotWrittenInABatch(sql: String) throws {
        try Self.expectFine(
            """
            c = fresh(); c.execute("SELECT batch_begin('j')").fetchall(); c.execute("UPDATE a SET v = 1")
            c.execute("\(sql)")
            refused(c, "SELECT batch_commit()", "ERR_SECURITY_FORBIDDEN_STATEMENT", "the ledger belongs to batchmgr")
            assert c.execute("SELECT count(*) FROM batchmgr_audit").fetchall() == [(1,)] and rows(c) == [(1, 'x'), (2, 'y')]
            """)
    }

    @Test(arguments: ["CREATE TEMP TABLE batchmgr_audit(a)", "CREATE TEMP VIEW batchmgr_state AS SELECT 1"])
    func nothingTemporaryHasANameOfOurs(sql: String) throws {
        try Self.expectFine(
            """
            for late in [False, True]:
                c = fresh()
                if not late: c.execute("\(sql)")
                if late: c.execute("SELECT batch_begin('j')").fetchall(); c.execute("UPDATE a SET v = 1"); c.execute("\(sql)")
                refused(c, "SELECT batch_commit()" if late else "SELECT batch_begin('j')", "ERR_SECURITY_FORBIDDEN_STATEMENT", "DROP")
                assert rows(c) == [(1, 'x'), (2, 'y')]
            """)
    }
}
