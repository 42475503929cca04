internal import Glibc
internal import TestSupport
internal import Testing

/// The same work in every kind of host.
struct HostProgramTests {
    /// Begin, writes, checkpoint, commit, rollback with cascade, a refused write, an error that names the function.
    static let steps = """
        q("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, u UNIQUE)")
        q("INSERT INTO t VALUES(1,'a',1),(2,'b',2),(3,'c',3)")
        q("CREATE TABLE pairs(a, b, c, PRIMARY KEY(a, b)) WITHOUT ROWID")
        q("INSERT INTO pairs VALUES(1,1,1),(2,2,2)")
        q("SELECT batch_begin('first')")
        q("UPDATE t SET v = v || '!'")
        q("SELECT batch_checkpoint('one')")
        q("REPLACE INTO t VALUES(7, 'z', 2)")
        q("UPDATE OR REPLACE pairs SET a = 2, b = 2 WHERE a = 1")
        assert q("SELECT batch_commit()") == [("first.1",)]
        q("SELECT batch_begin('second')")
        q("DELETE FROM t WHERE id = 1")
        q("SELECT batch_commit()")
        assert q("SELECT operation, key, before FROM batch_changes('second') WHERE \\"column\\" = 'v'") == [("delete", 1, "a!")]
        refused("SELECT batch_rollback('first')", "batch_rollback: ERR_DATA_DEPENDENTS")
        refused("SELECT batch_commit()", "batch_commit: ERR_UX_WRONG_STATE")
        q("SELECT batch_rollback('first', 'cascade')")
        assert q("SELECT group_concat(id || v || u) FROM t") == [("1a1,2b2,3c3",)]
        assert q("SELECT group_concat(a || b || c) FROM pairs") == [("111,222",)]

        """

    private static let guarded = """
        refused("INSERT INTO t VALUES(50, 'x', 50)", "ERR_SECURITY_WRITE_OUTSIDE_GATEWAY")
        q("SELECT batch_begin('inside')")
        q("INSERT INTO t VALUES(50, 'x', 50)")
        q("SELECT batch_commit()")

        """

    private func expectWork(_ open: String, with interpreter: String) throws {
        try TemporaryFolder.with { folder in
            let done = try Hosts.python(folder, open + HostProgramTests.steps, with: interpreter)
            #expect(done.fault == nil)
            #expect(try Hosts.tool(folder, "verify").code == 0)
            #expect(try Hosts.tool(folder, "drill").code == 0)
            #expect(try Hosts.tool(folder, "guard set --mode enforce").code == 0)
            #expect(try Hosts.python(folder, open + HostProgramTests.guarded, with: interpreter).fault == nil)
            #expect(try Hosts.tool(folder, "rollback --id inside --yes").code == 0)
        }
    }

    @Test func pythonOfDebian() throws {
        let open = """
            c = connect(isolation_level=None)
            def q(sql): return c.execute(sql).fetchall()
            def refused(sql, word):
                try: q(sql)
                except sqlite3.Error as error: assert word in str(error), error
                else: raise AssertionError(sql)

            """
        try expectWork(open, with: "/usr/bin/python3")
    }

    private static let apswOpen = """
        import apsw
        c = apsw.Connection("app.db"); c.enable_load_extension(True); c.load_extension("LIBRARY")
        def q(sql): return list(c.execute(sql))
        def refused(sql, word):
            try: q(sql)
            except apsw.Error as error: assert word in str(error), error
            else: raise AssertionError(sql)
        assert apsw.sqlite_lib_version() != sqlite3.sqlite_version

        """

    /// It has a SQLite of its own, so TEMP triggers record.
    @Test(.enabled(if: Hosts.apsw != nil, "apsw is missing: scripts/install-dependencies --tests gets it from PyPI"))
    func apswWithASQLiteOfItsOwn() throws {
        let open = HostProgramTests.apswOpen.replacing("LIBRARY", with: Hosts.name)
        let interpreter = try #require(Hosts.apsw)
        try expectWork(open, with: interpreter)
    }

    @Test(.enabled(if: Hosts.apsw != nil, "apsw is missing: scripts/install-dependencies --tests gets it from PyPI"))
    func twoCopiesOfSQLiteInOneProcessAreToldApart() throws {
        try TemporaryFolder.with { folder in
            let program = """
                d = connect("other.db")
                import apsw
                c = apsw.Connection("app.db"); c.enable_load_extension(True)
                try:
                    c.load_extension("\(Hosts.name)")
                    raise AssertionError("loaded")
                except apsw.Error as error:
                    assert "another SQLite library" in str(error), error
                assert d.execute("SELECT batch_begin('x')").fetchall() == [("x.1",)]
                """
            let interpreter = try #require(Hosts.apsw)
            #expect(try Hosts.python(folder, program, with: interpreter).fault == nil)
        }
    }

    /// Every way to change a row, recorded by triggers as by the hook.
    @Test(arguments: ["hook", "triggers"])
    func randomWorkIsUndoneExactly(capture: String) throws {
        try TemporaryFolder.with { folder in
            let program = TextFile.inPackage("Tests/Hosts/random_work.py")
            let line = "cd '\(folder)' && exec /usr/bin/python3 '\(program)' '\(Hosts.name)' \(capture)"
            let result = try BuiltTool.shell(line)
            #expect(result.fault == nil)
            #expect(result.out.hasPrefix("undone "))
        }
    }

    @Test func aProgramInC() throws {
        try TemporaryFolder.with { folder in
            try TextFile.write(CHost.program, to: folder + "/host.c")
            let result = try BuiltTool.shell(
                "cd '\(folder)' && cc -Wall -Werror -o host host.c -lsqlite3 && ./host '\(Hosts.name)'")
            #expect(result.fault == nil)
            #expect(result.out == "first.1\nrollback.1\n3\n")
        }
    }

    @Test(.enabled(if: Hosts.node != nil, "Node is missing: scripts/install-dependencies --tests gets it from PyPI"))
    func nodeWithASQLiteOfItsOwn() throws {
        try TemporaryFolder.with { folder in
            let program = """
                const { DatabaseSync } = require("node:sqlite");
                const db = new DatabaseSync("app.db", { allowExtension: true });
                db.loadExtension("\(Hosts.library)");
                db.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 1), (2, 2)");
                db.exec("SELECT batch_begin('first')");
                db.exec("REPLACE INTO t VALUES(1, 7)");
                db.exec("SELECT batch_checkpoint('one'); UPDATE t SET v = v + 1; SELECT batch_commit()");
                db.exec("SELECT batch_begin('second'); UPDATE t SET v = 9 WHERE id = 2; SELECT batch_commit()");
                for (const sql of ["SELECT batch_rollback('first')", "SELECT batch_rollback('nothing.1')"]) {
                    try { db.exec(sql); console.log("not refused"); } catch (error) { console.log(error.message.slice(0, 15)); }
                }
                db.exec("SELECT batch_rollback('first', 'cascade')");
                console.log(db.prepare("SELECT sum(v) AS sum FROM t").get().sum);
                """
            try TextFile.write(program, to: folder + "/host.js")
            let node = try #require(Hosts.node)
            let result = try BuiltTool.shell("cd '\(folder)' && '\(node)' --experimental-sqlite --no-warnings host.js")
            #expect(result.fault == nil)
            #expect(result.out == "batch_rollback:\nbatch_rollback:\n3\n")
        }
    }

    /// Once for each way of recording: nothing invalid is read or written, and nothing is lost for good.
    @Test(
        .enabled(if: CHost.hasValgrind, "valgrind is missing: scripts/install-dependencies --tests"),
        arguments: ["hook", "triggers"])
    func valgrindFindsNothing(capture: String) throws {
        try TemporaryFolder.with { folder in
            try TextFile.write(CHost.program, to: folder + "/host.c")
            let line = """
                cd '\(folder)' && cc -g -o host host.c -lsqlite3 && \
                valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
                ./host '\(Hosts.name)' \(capture)
                """
            let result = try BuiltTool.shell(line)
            #expect(result.fault == nil)
        }
    }
}

/// A program that links libsqlite3 and knows nothing of Swift.
enum CHost {
    static let hasValgrind = access("/usr/bin/valgrind", X_OK) == 0

    static let program = """
        #include <sqlite3.h>
        #include <stdio.h>
        #include <string.h>

        static int print(void *context, int count, char **values, char **names) {
            puts(values[0] ? values[0] : "NULL");
            return 0;
        }

        static int run(sqlite3 *db, const char *sql, int say) {
            char *message = NULL;
            int code = sqlite3_exec(db, sql, say ? print : NULL, NULL, &message);
            if (code != SQLITE_OK) fprintf(stderr, "%s\\n", message);
            sqlite3_free(message);
            return code;
        }

        int main(int count, char **words) {
            char begin[200];
            snprintf(begin, sizeof begin, "SELECT batch_begin('%s', NULL, '{\\"capture\\": \\"%s\\"}')", "first",
                count > 2 ? words[2] : "hook");
            sqlite3 *db;
            char *message = NULL;
            if (sqlite3_open("app.db", &db) != SQLITE_OK) return 2;
            sqlite3_enable_load_extension(db, 1);
            if (sqlite3_load_extension(db, words[1], NULL, &message) != SQLITE_OK) {
                fprintf(stderr, "%s\\n", message);
                return 3;
            }
            run(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v UNIQUE); INSERT INTO t VALUES(1, 1), (2, 2)", 0);
            run(db, "CREATE TABLE w(a, b, PRIMARY KEY(a)) WITHOUT ROWID; INSERT INTO w VALUES(1, 1)", 0);
            if (run(db, begin, 1)) return 4;
            if (run(db, "REPLACE INTO t VALUES(5, 2); DELETE FROM w; INSERT INTO w VALUES(2, zeroblob(300000))", 0)) return 5;
            if (run(db, "SELECT batch_checkpoint('one'); UPDATE t SET v = v + 10", 0)) return 6;
            if (run(db, "INSERT INTO t VALUES(9, 9), (1, 1)", 0) == SQLITE_OK) return 7;
            if (run(db, "CREATE TABLE made AS SELECT * FROM t; SAVEPOINT s; DROP TABLE made; ROLLBACK TO s; RELEASE s", 0)) return 16;
            if (run(db, "; ALTER TABLE made ADD COLUMN z DEFAULT 1; UPDATE made SET z = 2; DROP TABLE main.w", 0)) return 17;
            if (run(db, "CREATE VIEW seen AS SELECT * FROM made; CREATE TABLE counted(a INTEGER PRIMARY KEY AUTOINCREMENT)", 0)) return 18;
            if (run(db, "INSERT INTO counted VALUES(7); CREATE INDEX ti ON t(v); DROP VIEW seen", 0)) return 19;
            if (run(db, "SELECT batch_commit(); SELECT * FROM batch_changes('first')", 0)) return 8;
            if (run(db, "SELECT * FROM batch_as_of('t', 'first^'); SELECT * FROM batch_row_history('t', 1)", 0)) return 9;
            if (run(db, "SELECT * FROM batch_as_of('made', 'first^')", 0) != SQLITE_ERROR) return 20;
            if (run(db, "SELECT batch_rollback('first')", 1)) return 10;
            if (run(db, "SELECT sum(v) FROM t", 1)) return 11;
            if (run(db, "SELECT batch_begin(NULL)", 0) != SQLITE_ERROR) return 12;
            if (strncmp(sqlite3_errmsg(db), "batch_begin: ERR_UX_USAGE", 25)) return 13;
            /* Closed in the middle of a batch. */
            if (run(db, "SELECT batch_begin('left'); DELETE FROM t", 0)) return 14;
            if (sqlite3_close(db) != SQLITE_OK) return 15;
            return 0;
        }
        """
}
