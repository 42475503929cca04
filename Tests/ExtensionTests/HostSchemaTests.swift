internal import TestSupport
internal import Testing

/// Batches of hosts that create, alter and drop what holds rows, undone exactly.
struct HostSchemaTests {
    static let schema = """
        CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
        INSERT INTO t VALUES(1,'a'),(2,'b'),(3,'c');
        CREATE TABLE par(id INTEGER PRIMARY KEY); INSERT INTO par VALUES(1),(2);
        CREATE TABLE chi(id INTEGER PRIMARY KEY, p REFERENCES par ON DELETE CASCADE);
        INSERT INTO chi VALUES(1,1),(2,2),(3,NULL);
        CREATE TABLE hidden(rowid, _rowid_, oid); INSERT INTO hidden VALUES(1,2,3);
        CREATE VIEW seen AS SELECT v FROM t; CREATE INDEX tv ON t(v);
        CREATE TRIGGER tt AFTER DELETE ON t BEGIN SELECT 1; END;

        """

    /// `begin`, and `data` for what the user sees; CAPTURE is how rows are recorded.
    static let head = """
        def begin(c, name, tenant=None, more=""):
            c.execute("SELECT batch_begin(?, ?, ?)", (name, tenant, '{"capture": "CAPTURE", "on_commit": "end"%s}' % more))
        def data(c):
            return c.execute("SELECT type, name, sql FROM main.sqlite_schema WHERE tbl_name NOT LIKE 'batchmgr%' ORDER BY 1, 2").fetchall(), \
                c.execute("SELECT * FROM main.t").fetchall()
        def proven(c):
            return c.execute("SELECT count(*) FROM batchmgr_state s JOIN sqlite_schema m ON m.name = s.table_name AND m.type = 'table' "
                             "WHERE m.name NOT LIKE 'sqlite%' AND digest <> batch_digest(table_name)").fetchall() == [(0,)]
        c = connect(isolation_level=None)
        before = data(c)

        """

    static func expectFine(
        _ capture: String, _ program: String, at location: SourceLocation = #_sourceLocation
    ) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostSchemaTests.schema)
            let result = try Hosts.python(folder, (head + program).replacing("CAPTURE", with: capture))
            #expect(result.fault == nil, sourceLocation: location)
            #expect(try Hosts.sql(folder, "PRAGMA integrity_check") == "ok\n", sourceLocation: location)
        }
    }

    /// Every kind of statement between changes of rows, savepoints and checkpoints. Digests are compared with the rows
    /// after each batch, the whole database after each undo and each undo of an undo.
    @Test(arguments: ["hook", "triggers"])
    func randomChangesOfTheSchemaAreUndoneExactly(capture: String) throws {
        try random(capture, "/usr/bin/python3")
    }

    @Test(.enabled(if: Hosts.apsw != nil, "apsw is missing: scripts/install-dependencies --tests gets it from PyPI"))
    func randomChangesOfTheSchemaWithASQLiteOfItsOwn() throws {
        try random("apsw", try #require(Hosts.apsw))
    }

    private func random(_ capture: String, _ interpreter: String) throws {
        try TemporaryFolder.with { folder in
            let program = TextFile.inPackage("Tests/Hosts/random_schema.py")
            let result = try BuiltTool.shell(
                "cd '\(folder)' && exec '\(interpreter)' '\(program)' '\(Hosts.name)' \(capture) 100")
            #expect(result.fault == nil)
            #expect(result.out.hasPrefix("undone "))
        }
    }

    @Test(arguments: ["hook", "triggers"])
    func whatASavepointTakesBackLeavesNoTrace(capture: String) throws {
        try HostSchemaTests.expectFine(
            capture,
            """
            begin(c, "saved")
            for sql in ["SAVEPOINT a", "CREATE TABLE n(x)", "INSERT INTO n VALUES(1)", "ALTER TABLE t ADD COLUMN late", "ROLLBACK TO a",
                        "UPDATE t SET v = v || '.'", "CREATE TABLE n(y, z)", "INSERT INTO n VALUES(2, 3)", "SAVEPOINT b", "DROP TABLE t", "DROP VIEW seen",
                        "ROLLBACK TO b", "UPDATE t SET v = v || '-'", "RELEASE b", "RELEASE a"]:
                c.execute(sql)
            refused(c, "ALTER TABLE t ADD COLUMN m NOT NULL", "NOT NULL")
            refused(c, "CREATE UNIQUE INDEX same ON t(length(v))", "UNIQUE")
            refused(c, "CREATE TABLE t(x)", "exists")
            c.execute("CREATE TABLE IF NOT EXISTS t(x)"); c.execute("DROP TABLE IF EXISTS nope")
            c.execute("SELECT batch_commit()")
            assert c.execute("SELECT * FROM n").fetchall() == [(2, 3)] and proven(c)
            assert c.execute("SELECT \\"table\\", key, before, after FROM batch_changes('saved') WHERE operation = 'update'").fetchall()[0] == ("t", 1, "a", "a.-")
            c.execute("SELECT batch_rollback('saved')")
            assert data(c) == before
            """)
    }

    @Test(arguments: ["hook", "triggers"])
    func checkpointsAbortsAndTransactionsOfTheHost(capture: String) throws {
        try HostSchemaTests.expectFine(
            capture,
            """
            begin(c, "aborted")
            c.execute("CREATE TABLE kept(x)"); c.execute("SELECT batch_checkpoint('one')")
            c.execute("DROP TABLE t"); c.execute("DROP TABLE kept"); c.execute("SELECT batch_abort()")
            assert data(c)[1] == before[1] and c.execute("SELECT * FROM kept").fetchall() == []
            assert c.execute("SELECT status FROM batch_log WHERE job = 'aborted'").fetchall() == [("failed",)]
            c.execute("SELECT batch_rollback('aborted')")
            assert data(c) == before
            for end in ["COMMIT", "SELECT batch_commit()"]:
                c.execute("BEGIN"); c.execute("CREATE TABLE mine(x)")
                begin(c, "joined")
                c.execute("CREATE TABLE j AS SELECT * FROM t"); c.execute("UPDATE j SET v = 1")
                c.execute("SELECT batch_checkpoint('half')")
                c.execute("ALTER TABLE j RENAME TO k"); c.execute("DELETE FROM k WHERE id = 1"); c.execute("DROP VIEW seen")
                c.execute(end)
                if c.in_transaction: c.execute("COMMIT")
                assert c.execute("SELECT count(*) FROM k").fetchall() == [(2,)]
                assert c.execute("SELECT digest = batch_digest('k') FROM batchmgr_state WHERE table_name = 'k'").fetchall() == [(1,)]
                c.execute("SELECT batch_rollback('joined')")
                c.execute("DROP TABLE mine")
                assert data(c) == before
            c.execute("BEGIN"); begin(c, "lost"); c.execute("DROP TABLE t"); c.execute("ROLLBACK")
            assert data(c) == before
            # Nothing but a view.
            begin(c, "view"); c.execute("DROP VIEW seen"); c.execute("SELECT batch_commit()")
            assert c.execute("SELECT operation, \\"table\\" FROM batch_changes('view')").fetchall() == []
            c.execute("SELECT batch_rollback('view')")
            assert data(c) == before
            """)
    }

    @Test(arguments: ["hook", "triggers"])
    func largeTablesReadersCascadesAndVirtualTables(capture: String) throws {
        try HostSchemaTests.expectFine(
            capture,
            """
            c.execute("CREATE TABLE big(id INTEGER PRIMARY KEY, v)")
            c.execute("WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 9000) INSERT INTO big(v) SELECT hex(randomblob(50)) FROM s")
            c.execute("CREATE VIRTUAL TABLE ft USING fts5(body)"); c.execute("INSERT INTO ft VALUES('old words')")
            before, digest = data(c), c.execute("SELECT batch_digest('big')").fetchall()
            begin(c, "large")
            for sql in ["UPDATE big SET v = v || 'x' WHERE id < 5000", "ALTER TABLE big ADD COLUMN w DEFAULT 'x'", "DELETE FROM big WHERE id > 100", "DROP TABLE big"]:
                c.execute(sql)
            c.execute("SELECT batch_commit()")
            # SQLite drops and makes no tables while something reads.
            reader = c.execute("SELECT * FROM t"); reader.fetchone()
            begin(c, "read")
            refused(c, "DROP TABLE par", "locked")
            c.execute("CREATE TABLE while_read(x)")
            c.execute("SELECT batch_commit()")
            refused(c, "SELECT batch_rollback('read')", "batch_rollback: ERR_UX_WRONG_STATE", "still being read")
            reader.close()
            c.execute("SELECT batch_rollback('read')")
            c.execute("SELECT batch_rollback('large')")
            assert c.execute("SELECT batch_digest('big')").fetchall() == digest and data(c) == before
            # Compiled before the batch.
            c.execute("BEGIN"); c.execute("DROP TABLE chi"); c.execute("ROLLBACK")
            begin(c, "early"); c.execute("DROP TABLE chi"); c.execute("SELECT batch_commit()"); c.execute("SELECT batch_rollback('early')")
            assert data(c) == before
            c.execute("PRAGMA foreign_keys = ON")
            begin(c, "cascade"); c.execute("DROP TABLE par"); c.execute("SELECT batch_commit()")
            assert c.execute("SELECT * FROM chi").fetchall() == [(3, None)]
            c.execute("SELECT batch_rollback('cascade')")
            assert c.execute("SELECT * FROM chi").fetchall() == [(1, 1), (2, 2), (3, None)]
            begin(c, "virtual")
            c.execute("CREATE VIRTUAL TABLE more USING fts5(body)")
            if "CAPTURE" == "hook":
                c.execute("INSERT INTO more VALUES('new words')"); c.execute("INSERT INTO ft VALUES('late words')")
            c.execute("ALTER TABLE ft RENAME TO ft2")
            c.execute("SELECT batch_checkpoint('one')")
            c.execute("DROP TABLE ft2")
            c.execute("SELECT batch_commit()")
            c.execute("SELECT batch_rollback('virtual')")
            assert data(c) == before
            assert c.execute("SELECT * FROM ft WHERE ft MATCH 'words'").fetchall() == [("old words",)]
            c.execute("INSERT INTO ft(ft) VALUES('integrity-check')")
            """)
    }

    @Test(.enabled(if: Hosts.apsw != nil, "apsw is missing: scripts/install-dependencies --tests gets it from PyPI"))
    func aVirtualTableIsLeftToTheToolWhereThereIsNoHook() throws {
        try TemporaryFolder.with { folder in
            let program = """
                import apsw
                c = apsw.Connection("app.db"); c.enable_load_extension(True); c.load_extension("\(Hosts.name)")
                for sql in ["CREATE VIRTUAL TABLE ft USING fts5(body)", "INSERT INTO ft VALUES('words')", "SELECT batch_begin('virtual')", "DROP TABLE ft", "SELECT batch_commit()"]:
                    list(c.execute(sql))
                try:
                    list(c.execute("SELECT batch_rollback('virtual')"))
                    raise AssertionError("was not refused")
                except apsw.Error as error:
                    assert "ERR_DATA_NOT_UNDOABLE" in str(error) and "batchmgr rollback --id virtual.1" in str(error), error
                """
            let interpreter = try #require(Hosts.apsw)
            #expect(try Hosts.python(folder, program, with: interpreter).fault == nil)
            #expect(try Hosts.tool(folder, "rollback --id virtual --yes").code == 0)
            #expect(try Hosts.sql(folder, "SELECT * FROM ft WHERE ft MATCH 'words'") == "words\n")
        }
    }
}
