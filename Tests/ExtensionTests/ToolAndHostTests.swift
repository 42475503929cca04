internal import TestSupport
internal import Testing

/// What a host did is the tool's to see and to undo, and the other way round.
struct ToolAndHostTests {
    private static let python = """
        c = connect()
        for job, sql in [("import", "UPDATE t SET v = v || '!'"), ("clean", "DELETE FROM t WHERE id = 2"),
                         ("fill", "INSERT INTO pairs VALUES('n', 1, x'00')")]:
            with c:
                c.execute("SELECT batch_begin(?, NULL, ?)", (job, '{"actor": "py", "on_commit": "end"}'))
                c.execute(sql)
        """

    @Test func theToolCompletesListsVerifiesAndUndoesBatchesOfAHost() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let before = try Hosts.dump(folder)
            let host = try Hosts.python(folder, ToolAndHostTests.python)
            #expect(host.fault == nil)
            let pending = "SELECT group_concat(DISTINCT status), count(*) FROM batchmgr_points"
            #expect(try Hosts.sql(folder, pending) == "pending|4\n")
            let list = try Hosts.tool(folder, "list --json").out
            for name in ["import.1", "clean.1", "fill.1"] { #expect(list.contains("\"\(name)\"")) }
            // Every state between is there in both copies, also that before the first batch.
            #expect(try Hosts.sql(folder, pending) == "complete|4\n")
            let diff = try Hosts.tool(folder, "diff --id import").out
            #expect(diff.contains("~ t 1: v 'a' → 'a!'"))
            for verb in ["verify", "drill"] {
                let result = try Hosts.tool(folder, verb)
                #expect(result.code == 0, "\(result.out)")
            }
            for source in ["git", "bak"] {
                let restored = try Hosts.tool(folder, "restore --point import.1^ --source \(source) --to \(source).db")
                #expect(restored.code == 0, "\(restored.err)")
                let found = try BuiltTool.shell("sqlite3 '\(folder)/\(source).db' 'SELECT group_concat(v) FROM t'").out
                #expect(found == "a,b,c\n")
            }
            let undone = try Hosts.tool(folder, "rollback --id import --mode cascade --yes")
            #expect(undone.code == 0, "\(undone.err)")
            #expect(try Hosts.tool(folder, "rollback --id fill --yes").code == 0)
            #expect(try Hosts.dump(folder) == before)
        }
    }

    /// The point of the first batch can no longer be made: another program has deleted the row before a change of the schema.
    @Test func aRowThatIsGoneBeforeItsPointBlocksNothing() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(
                folder, "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE u(a); INSERT INTO t VALUES(1, 1)")
            let host = try Hosts.python(
                folder,
                """
                import sqlite3
                c = connect(isolation_level=None)
                for sql in ["SELECT batch_begin('one')", "UPDATE t SET v = 2", "SELECT batch_commit()"]: c.execute(sql).fetchall()
                other = sqlite3.connect("app.db"); other.execute("DELETE FROM t"); other.commit(); other.close()
                for sql in ["SELECT batch_begin('two')", "CREATE INDEX ui ON u(a)", "SELECT batch_commit()"]: c.execute(sql).fetchall()
                """)
            #expect(host.fault == nil)
            for words in ["run --id three --sql 'INSERT INTO u VALUES(1)'", "rollback --id two --yes", "verify"] {
                let result = try Hosts.tool(folder, words)
                #expect(result.code == 0, "\(words): \(result.err)\(result.out)")
            }
            #expect(try Hosts.tool(folder, "audit list").out.contains("lost"))
        }
    }

    /// Another program has written after the batch, and before a change of the schema: the point of the batch cannot be made
    /// any more, and none may be made with what the other one wrote.
    @Test(arguments: [
        "INSERT INTO t VALUES(3, 3)", "UPDATE t SET v = 30 WHERE id = 1", "INSERT INTO u VALUES('other')",
    ])
    func aPointThatIsMadeLateHoldsNothingThatOthersWroteSince(_ other: String) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(
                folder,
                "CREATE TABLE t(id PRIMARY KEY, v); CREATE TABLE u(a); INSERT INTO t VALUES(1, 1), (2, 2)")
            let host = try Hosts.python(
                folder,
                """
                import sqlite3
                c = connect(isolation_level=None)
                for sql in ["SELECT batch_begin('one')", "UPDATE t SET v = 20 WHERE id = 1", "SELECT batch_commit()"]: c.execute(sql).fetchall()
                other = sqlite3.connect("app.db"); other.execute("\(other)"); other.commit(); other.close()
                for sql in ["SELECT batch_begin('two')", "CREATE INDEX ui ON u(a)", "SELECT batch_commit()"]: c.execute(sql).fetchall()
                """)
            #expect(host.fault == nil)
            #expect(try Hosts.tool(folder, "run --id three --sql 'INSERT INTO u VALUES(1)'").code == 0)
            #expect(try Hosts.tool(folder, "verify").code == 0)
            #expect(try Hosts.tool(folder, "drill").code == 0)
            for source in ["git", "bak"] {
                let restored = try Hosts.tool(folder, "restore --point one.1 --source \(source) --to \(source).db")
                #expect(restored.code == 5 && restored.err.contains("ERR_DATA_NO_RESTORE_POINT"), "\(restored.err)")
            }
            #expect(try Hosts.tool(folder, "audit list").out.contains("lost"))
            // The undo log needs no point.
            let undone = try Hosts.tool(folder, "rollback --id one --yes")
            #expect(undone.code == (other.hasPrefix("UPDATE") ? 4 : 0), "\(undone.err)")
        }
    }

    /// The hint of `verify` leads to `drift adopt`, and that must not lead back.
    @Test func driftBeforeAPointIsWrittenIsCalledThat() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, 1)")
            #expect(try Hosts.tool(folder, "run --id a --sql 'UPDATE t SET b = 2'").code == 0)
            let host = try Hosts.python(
                folder,
                """
                c = connect(isolation_level=None)
                for sql in ["SELECT batch_begin('x')", "UPDATE t SET b = 3", "SELECT batch_commit()"]: c.execute(sql).fetchall()
                """)
            #expect(host.fault == nil)
            _ = try Hosts.sql(folder, "CREATE TABLE w(a)")
            for words in ["drift show", "drift adopt", "drift undo"] {
                let refused = try Hosts.tool(folder, words)
                #expect(refused.code == 5 && refused.err.contains("before the restore point of x.1 was written"))
                #expect(refused.err.contains("rollback --id x.1\n"), "\(refused.err)")
            }
            #expect(try Hosts.tool(folder, "rollback --id x.1").code == 0)
        }
    }

    /// Of these SQLite reports nothing.
    @Test(arguments: [
        ("UPDATE sqlite_sequence SET seq = 8", "SELECT seq FROM sqlite_sequence", "3"),
        ("PRAGMA user_version = 8", "PRAGMA user_version", "0"),
        ("PRAGMA application_id = -1", "PRAGMA application_id", "0"),
    ])
    func whatSQLiteKeepsForItselfIsAChangeAlsoAfterACheckpoint(_ sql: String, _ query: String, _ before: String) throws
    {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(
                folder, "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO t VALUES(3, 1)")
            let host = try Hosts.python(
                folder,
                """
                c = connect(isolation_level=None)
                for sql in ["SELECT batch_begin('one')", "UPDATE t SET v = 4", "SELECT batch_checkpoint('c')",
                            "\(sql)", "SELECT batch_commit()"]: c.execute(sql).fetchall()
                """)
            #expect(host.fault == nil)
            for words in ["verify", "rollback --id one --yes", "verify"] {
                let result = try Hosts.tool(folder, words)
                #expect(result.code == 0, "\(words): \(result.err)\(result.out)")
            }
            #expect(try Hosts.sql(folder, "SELECT v FROM t") == "1\n")
            #expect(try Hosts.sql(folder, query) == before + "\n")
        }
    }

    /// Between two checkpoints the host has the file locked, and the lease says who it is.
    @Test func aBatchThatRunsInAHostIsNamedToWhoWaitsForIt() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let host = try Hosts.python(
                folder,
                """
                import subprocess
                c = connect(isolation_level=None)
                def q(sql): return c.execute(sql).fetchall()
                def tool(*words): return subprocess.run([os.environ["TOOL"], "--db", "app.db", *words], capture_output=True, text=True)
                q("SELECT batch_begin('import')"); q("UPDATE t SET v = 'x'"); q("SELECT batch_checkpoint('one')")
                busy = tool("run", "--id", "other", "--sql", "UPDATE t SET v = 'y'")
                stop = tool("stop", "import.1")
                q("SELECT batch_commit()")
                print(busy.returncode, busy.stderr, stop.returncode, stop.stderr, tool("list").stdout)
                """)
            #expect(host.fault == nil)
            #expect(host.out.contains("75 error: ERR_PERF_BUSY: import.1 is running on "), "\(host.out)")
            #expect(host.out.contains("hint: wait until that program ends it: batch_commit() or batch_abort()"))
            #expect(
                host.out.contains("2 error: ERR_UX_WRONG_STATE: batch import.1 runs in another program"), "\(host.out)")
            #expect(host.out.contains("import.1  committed"), "\(host.out)")
        }
    }

    @Test func aHostUndoesBatchesOfTheTool() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let before = try Hosts.dump(folder)
            #expect(try Hosts.tool(folder, "run --id first --sql \"UPDATE t SET v = 'x', u = u + 10\"").code == 0)
            #expect(try Hosts.tool(folder, "run --id second --sql \"DELETE FROM t WHERE id = 1\"").code == 0)
            let result = try Hosts.sqlite(
                folder,
                """
                SELECT batch_rollback('first');
                SELECT batch_rollback('first', 'cascade');
                SELECT batch, status FROM batch_log;
                """)
            #expect(result.err.contains("second.1 (row t 1 key)"))
            #expect(result.out == "rollback.1\nfirst.1|rolled_back\nsecond.1|rolled_back\nrollback.1|committed\n")
            #expect(try Hosts.dump(folder) == before)
            #expect(try Hosts.tool(folder, "verify").code == 0)
            #expect(try Hosts.tool(folder, "drill").code == 0)
        }
    }

    /// Somebody wrote outside any batch before the tool came: nothing is made up, and nothing breaks.
    @Test func driftBetweenBatchesOfAHostIsToldByTheTool() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let host = try Hosts.python(folder, ToolAndHostTests.python)
            #expect(host.fault == nil)
            _ = try Hosts.sql(folder, "UPDATE t SET v = 'drift' WHERE id = 1;")
            #expect(try Hosts.tool(folder, "list").code == 0)
            let verified = try Hosts.tool(folder, "verify")
            #expect(verified.code == 9)
            #expect(verified.out.contains("changed outside any batch"))
            #expect(!verified.out.contains("FAIL  audit"), "\(verified.out)")
            #expect(try Hosts.tool(folder, "audit verify").code == 0)
            #expect(try Hosts.tool(folder, "run --id next --sql \"DELETE FROM log\"").code == 0)
            #expect(try Hosts.tool(folder, "verify").code == 0)
            // No point says that it has what it has not.
            #expect(try Hosts.tool(folder, "drill").code == 0)
            #expect(try Hosts.tool(folder, "rollback --id fill --yes").code == 0)
        }
    }

    /// The points are made from the rows of now, gone back over keys that the row had in between.
    @Test func pointsOfAHostAreCompletedWhereARowGotAnotherKeySince() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            _ = try Hosts.sql(folder, "CREATE TABLE place(k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID")
            let host = try Hosts.python(
                folder,
                """
                c = connect()
                for job, sql in [("put", "INSERT INTO place VALUES('a', 1)"), ("set", "UPDATE place SET v = 2"),
                                 ("raise", "UPDATE place SET k = 'A'"), ("more", "UPDATE place SET v = 3"),
                                 ("drop", "DELETE FROM place"), ("move", "UPDATE t SET id = 77 WHERE id = 1"),
                                 ("note", "UPDATE t SET v = 'n' WHERE id = 77")]:
                    with c:
                        c.execute("SELECT batch_begin(?, NULL, ?)", (job, '{"on_commit": "end"}'))
                        c.execute(sql)
                """)
            #expect(host.fault == nil)
            for verb in ["run --id next --sql 'SELECT 1'", "verify", "drill"] {
                let result = try Hosts.tool(folder, verb)
                #expect(result.code == 0, "\(verb): \(result.out)\(result.err)")
            }
            #expect(try Hosts.sql(folder, "SELECT DISTINCT status FROM batchmgr_points") == "complete\n")
            #expect(try Hosts.tool(folder, "diff --id set").out.contains("~ place 'a': v 1 → 2"))
            let all = try Hosts.tool(folder, "rollback --id put --mode cascade --yes")
            #expect(all.code == 0, "\(all.err)")
        }
    }
}
