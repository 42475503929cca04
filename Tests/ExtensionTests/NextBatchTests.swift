internal import TestSupport
internal import Testing

/// What one batch has learnt of a database serves the next one on the connection, and never when it is not so any more.
struct NextBatchTests {
    private static let head = """
        c = connect(isolation_level=None)
        def fill():
            c.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)")
            c.execute("INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90) SELECT i, i, i FROM n")
        def state(): return [c.execute("SELECT * FROM " + name + " ORDER BY 1").fetchall() for name in ("t",)]
        def batch(*statements):
            before = state()
            c.execute("SELECT batch_begin('j')").fetchall()
            for sql in statements: c.execute(sql).fetchall()
            name = c.execute("SELECT batch_commit()").fetchall()[0][0]
            assert state() != before, statements
            return name, before
        def undone(name, before):
            c.execute("SELECT batch_rollback(?)", (name,)).fetchall()
            assert state() == before, name

        """

    private static func expectFine(_ program: String) throws {
        try TemporaryFolder.with { folder in
            let result = try Hosts.python(folder, head + program)
            #expect(result.fault == nil, "\(result)")
        }
    }

    /// Each rewrites `b` after the update of `a`, so that a batch which took the schema for the old one would miss `b`.
    @Test func aChangeOfTheSchemaIsSeen() throws {
        try Self.expectFine(
            """
            fill(); other = connect(isolation_level=None)
            trigger = "CREATE TRIGGER r AFTER UPDATE OF a ON t BEGIN UPDATE t SET b = %s WHERE id = NEW.id; END"
            undone(*batch("UPDATE t SET a = a + 1"))
            other.execute(trigger % "-1"); undone(*batch("UPDATE t SET a = a + 1"))
            other.execute("DROP TRIGGER r"); undone(*batch("UPDATE t SET a = a + 1"))
            c.execute("BEGIN"); c.execute(trigger % "-2"); undone(*batch("UPDATE t SET a = a + 1")); c.execute("ROLLBACK")
            other.execute("CREATE TABLE x(y)"); undone(*batch("UPDATE t SET a = a + 1"))
            # The savepoint takes the table back, and the trigger gets the cookie that it had.
            c.execute("DROP TABLE x")
            undone(*batch("SAVEPOINT s", "CREATE TABLE z(y)", "UPDATE t SET a = a + 1", "ROLLBACK TO s", "RELEASE s",
                          trigger % "-3", "UPDATE t SET a = a + 1"))
            """)
    }

    /// SQLite decides when it compiles a DELETE whether the rows are looked at one by one.
    @Test(arguments: [
        "DELETE FROM t", "delete from t", "DELETE FROM \\\"t\\\"", "DELETE FROM t -- where", "/* no */ DELETE FROM t",
        "WITH w AS (SELECT 1 WHERE 1) DELETE FROM t", "DELETE FROM t WHERE 1",
    ]) func aDeleteCompiledBeforeTheBatchIsRecorded(_ sql: String) throws {
        try Self.expectFine(
            """
            fill(); undone(*batch("UPDATE t SET a = 0"))
            for _ in range(2):
                c.execute("BEGIN"); c.execute("\(sql)"); c.execute("ROLLBACK")
                undone(*batch("\(sql)"))
            """)
    }

    @Test func soIsOneOfATrigger() throws {
        try Self.expectFine(
            """
            fill(); c.execute("CREATE TABLE log(x)")
            c.execute("CREATE TRIGGER empty AFTER INSERT ON log BEGIN DELETE FROM t; END")
            undone(*batch("UPDATE t SET a = 0"))
            c.execute("BEGIN"); c.execute("INSERT INTO log VALUES(1)"); c.execute("ROLLBACK")
            undone(*batch("INSERT INTO log VALUES(1)"))
            """)
    }

    /// The program may replace a function of SQLite at any time; what it does then is not known.
    @Test func aFunctionOfTheProgramIsSeen() throws {
        try Self.expectFine(
            """
            fill(); undone(*batch("UPDATE t SET a = abs(a) + 1"))
            c.create_function("abs", 1, lambda x: -7)
            undone(*batch("UPDATE t SET a = abs(a)"))
            """)
    }
}
