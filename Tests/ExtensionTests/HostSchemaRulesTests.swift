internal import TestSupport
internal import Testing

/// What a batch of a host may not do to the schema, and what is none of its business.
struct HostSchemaRulesTests {
    /// The statements, what is beside `capture` in the options, the tenant, and words of the error.
    static let refused: [(sql: String, options: String, tenant: String, words: String)] = [
        ("DROP TABLE t", #", "protected": ["t"]"#, "None", "ERR_SECURITY_PROTECTED"),
        ("ALTER TABLE t ADD COLUMN x", #", "protected": ["t.v"]"#, "None", "ERR_SECURITY_PROTECTED"),
        ("DROP TRIGGER tt", #", "protected": ["t"]"#, "None", "definition of t"),
        ("CREATE VIEW other AS SELECT 1", #", "tenant_column": "tenant_id""#, "'a'", "ERR_SECURITY_TENANT"),
        ("DROP VIEW seen", #", "tenant_column": "tenant_id""#, "'a'", "ERR_SECURITY_TENANT"),
        ("DROP TABLE t", #", "tenant_column": "v""#, "None", "ERR_SECURITY_TENANT: table t would be gone"),
        ("DROP TABLE t", #", "limits": {"deleted_share": 0.5}"#, "None", "ERR_SECURITY_LIMIT"),
        ("CREATE TABLE batchmgr_mine(x)", "", "None", "batchmgr_"),
        ("DROP TABLE hidden", "", "None", "ERR_DATA_NOT_UNDOABLE: table hidden hides its rowid"),
        ("ALTER TABLE hidden ADD COLUMN more", "", "None", "table hidden"),
        (
            "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'tv'; PRAGMA schema_version = 9000; "
                + "PRAGMA writable_schema = RESET", "", "None",
            "ERR_DATA_NOT_UNDOABLE: the definition of index tv"
        ),
        ("PRAGMA schema_version = 9000", "", "None", "ERR_DATA_NOT_UNDOABLE: the schema was changed and changed back"),
    ]

    @Test(arguments: ["hook", "triggers"], refused.indices)
    func whatABatchMayNotDoIsTakenBack(capture: String, index: Int) throws {
        let (sql, options, tenant, words) = HostSchemaRulesTests.refused[index]
        try HostSchemaTests.expectFine(
            capture,
            """
            for joined in [False, True]:
                c = connect(isolation_level=None)
                if joined:
                    c.execute("BEGIN")
                begin(c, "work", \(tenant), '\(options)')
                for sql in \"""\(sql)\""".split("; "):
                    c.execute(sql)
                refused(c, "COMMIT" if joined else "SELECT batch_commit()", "COMMIT: " if joined else "batch_commit: ", "\(words)")
                assert not c.in_transaction
                assert data(c) == before
                assert c.execute("SELECT count(*) FROM batch_log").fetchall() == [(0,)]
            """)
    }

    @Test(arguments: ["hook", "triggers"])
    func moreThanTheRecordCanForgetIsAnError(capture: String) throws {
        try HostSchemaTests.expectFine(
            capture,
            """
            c.execute("CREATE TABLE big(id INTEGER PRIMARY KEY, v)")
            c.execute("WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 9000) INSERT INTO big(v) SELECT hex(randomblob(50)) FROM s")
            before = data(c)
            begin(c, "large")
            for sql in ["SAVEPOINT s", "DROP TABLE big", "ROLLBACK TO s", "RELEASE s"]:
                c.execute(sql)
            refused(c, "SELECT batch_commit()", "ERR_DATA_NOT_UNDOABLE", "batch_abort")
            assert data(c) == before
            """)
    }

    @Test(arguments: ["hook", "triggers"])
    func otherDatabasesAreNotRecorded(capture: String) throws {
        try HostSchemaTests.expectFine(
            capture,
            """
            c.execute("ATTACH ':memory:' AS other"); c.execute("ATTACH 'second.db' AS second")
            begin(c, "elsewhere")
            for sql in ["CREATE TEMP TABLE t(x)", "INSERT INTO temp.t VALUES(1)", "ALTER TABLE t ADD COLUMN y", "DROP TABLE t",
                        "CREATE TABLE other.t(x)", "INSERT INTO other.t VALUES(1)", "ALTER TABLE other.t RENAME TO u", "CREATE TABLE other.v AS SELECT * FROM t",
                        "DROP TABLE other.u", "CREATE TABLE second.t AS SELECT 1 AS x", "ALTER TABLE second.t ADD COLUMN y", "DROP TABLE second.t",
                        "CREATE TEMP TABLE t2 AS SELECT * FROM t", "CREATE TEMP VIEW tv2 AS SELECT * FROM t", "DROP VIEW tv2"]:
                c.execute(sql)
            c.execute("SELECT batch_commit()")
            assert c.execute("SELECT count(*) FROM batch_changes('elsewhere')").fetchall() == [(0,)]
            assert c.execute("SELECT count(*) FROM other.v").fetchall() == [(3,)]
            assert data(c) == before and proven(c)
            m = connect(":memory:", isolation_level=None)
            begin(m, "memory")
            m.execute("CREATE TABLE x(a)"); m.execute("INSERT INTO x VALUES(1)"); m.execute("SELECT batch_commit()")
            m.execute("SELECT batch_rollback('memory')")
            assert m.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'x'").fetchall() == [(0,)]
            """)
    }

    @Test(arguments: ["hook", "triggers"])
    func twoConnectionsTakeTurns(capture: String) throws {
        try HostSchemaTests.expectFine(
            capture,
            """
            d = connect(isolation_level=None, timeout=0.1)
            begin(c, "first")
            c.execute("CREATE TABLE ours(x)"); c.execute("INSERT INTO ours VALUES(1)")
            refused(d, "CREATE TABLE theirs(x)", "locked")
            refused(d, "SELECT batch_begin('second')", "ERR_PERF_BUSY")
            c.execute("SELECT batch_commit()")
            # Outside any batch: it belongs to nobody, and nobody undoes it.
            d.execute("CREATE TABLE theirs(x)")
            begin(d, "second")
            d.execute("ALTER TABLE ours ADD COLUMN y"); d.execute("SELECT batch_commit()")
            refused(c, "SELECT batch_rollback('first')", "ERR_DATA_DEPENDENTS", "second.1")
            c.execute("SELECT batch_rollback('first', 'cascade')")
            assert c.execute("SELECT name FROM sqlite_schema WHERE name IN ('ours', 'theirs')").fetchall() == [("theirs",)]
            # What somebody else has built on it in the meantime is in the way, and named.
            begin(c, "third"); c.execute("CREATE TABLE again(x)"); c.execute("SELECT batch_commit()")
            d.execute("CREATE INDEX on_it ON again(x)")
            refused(c, "SELECT batch_rollback('third')", "batch_rollback: ERR_DATA_SCHEMA_CHANGED", "index on_it")
            d.execute("DROP INDEX on_it"); d.execute("INSERT INTO again VALUES(1)")
            refused(c, "SELECT batch_rollback('third')", "batch_rollback: ERR_DATA_SCHEMA_CHANGED", "again", "changed since")
            d.execute("DELETE FROM again")
            c.execute("SELECT batch_rollback('third')")
            d.execute("DROP TABLE theirs")
            assert data(c) == before
            """)
    }
}
