internal import TestSupport
internal import Testing

/// Changes of the schema by a host, seen and undone by the tool, and the other way round.
struct HostSchemaToolTests {
    /// Seven batches of a host, one after another, before the tool comes.
    private static let program = """
        c = connect(isolation_level=None)
        def batch(name, *statements):
            c.execute("SELECT batch_begin(?)", (name,))
            for sql in statements: c.execute(sql)
            c.execute("SELECT batch_commit()")
        batch("rows", "UPDATE t SET v = v || '1'")
        batch("make", "CREATE TABLE made(id INTEGER PRIMARY KEY, x)", "INSERT INTO made(x) SELECT v FROM t", "CREATE INDEX mx ON made(x)", "UPDATE made SET x = x || '!'")
        batch("more", "UPDATE made SET x = x || '?'", "INSERT INTO made(x) VALUES('n')", "DELETE FROM t WHERE id = 2")
        batch("alter", "UPDATE t SET v = v || '2'", "ALTER TABLE t ADD COLUMN z DEFAULT 4", "UPDATE t SET z = 5 WHERE id = 1", "CREATE VIEW vv AS SELECT * FROM t")
        batch("after", "UPDATE t SET z = z + 1, v = v || '3'", "DELETE FROM hidden")
        batch("drop", "DROP TABLE chi", "DROP TABLE made", "ALTER TABLE par RENAME TO parents")
        batch("last", "UPDATE t SET z = 0")

        """
    private static let jobs = ["rows", "make", "more", "alter", "after", "drop", "last"]

    private func scene(_ body: (_ folder: String, _ before: String) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostSchemaTests.schema)
            let before = try Hosts.dump(folder)
            #expect(try Hosts.python(folder, HostSchemaToolTests.program).fault == nil)
            try body(folder, before)
        }
    }

    /// The points wait until tables that they are made of have been altered or are gone.
    @Test func theToolMakesEveryPointInBothCopies() throws {
        try scene { folder, before in
            #expect(try Hosts.tool(folder, "list").code == 0)
            let points = "SELECT group_concat(DISTINCT status), count(*), sum(bak_kind = 'full') FROM batchmgr_points"
            #expect(try Hosts.sql(folder, points) == "complete|8|4\n")
            for verb in ["verify", "drill"] {
                let result = try Hosts.tool(folder, verb)
                #expect(result.code == 0 && !result.out.contains("warn"), "\(result.out)")
            }
            var earlier = before
            for job in HostSchemaToolTests.jobs {
                for point in ["\(job).1^", "\(job).1"] {
                    var copies: [String] = []
                    for source in ["git", "bak"] {
                        let file = "\(source).db"
                        let line = "restore --point \(point) --source \(source) --to \(file)"
                        let restored = try Hosts.tool(folder, line)
                        #expect(restored.code == 0, "\(restored.err)")
                        let dump = "cd '\(folder)' && sqlite3 \(file) .dump | grep -v batchmgr_; rm \(file)"
                        copies.append(try BuiltTool.shell(dump).out)
                    }
                    #expect(copies[0] == copies[1], "\(point)")
                    if point.hasSuffix("^") { #expect(copies[0] == earlier, "\(point)") }
                    earlier = copies[0]
                }
            }
            #expect(try Hosts.dump(folder) == earlier)
        }
    }

    @Test func theToolListsComparesAndUndoesThem() throws {
        try scene { folder, before in
            let words = [
                "make": "+ made 1: id 1, x 'a1!'", "more": "~ made 1: x 'a1!' → 'a1!?'",
                "drop": "- made 4: id 4, x 'n'",
                "alter": "~ t 1: v 'a1' → 'a12', z (no column) → 5", "rows": "~ t 1: v 'a' → 'a1'",
            ]
            for (job, text) in words {
                let diff = try Hosts.tool(folder, "diff --id \(job)")
                #expect(diff.out.contains(text), "\(diff)")
            }
            #expect(try Hosts.tool(folder, "rollback --id make --yes").code == 4)
            let undone = try Hosts.tool(folder, "rollback --id make --mode cascade --yes")
            #expect(undone.code == 0, "\(undone.err)")
            #expect(try Hosts.tool(folder, "rollback --id rows --mode cascade --yes").code == 0)
            let left = try Hosts.sql(
                folder, "SELECT group_concat(batch) FROM batchmgr_batches WHERE status = 'committed' AND kind = 'batch'"
            )
            #expect(left == "\n", "\(left)")
            #expect(try Hosts.dump(folder) == before)
            #expect(try Hosts.tool(folder, "verify").code == 0)
            #expect(try Hosts.tool(folder, "drill").code == 0)
        }
    }

    @Test func aHostUndoesThemAndTheToolGoesOnFromThere() throws {
        try scene { folder, before in
            let result = try Hosts.sqlite(
                folder,
                """
                SELECT batch_rollback('make');
                SELECT batch_rollback('make', 'cascade');
                SELECT batch_rollback('rows');
                SELECT batch, status FROM batch_log WHERE kind = 'batch' AND status <> 'rolled_back';
                """)
            #expect(result.err.contains("batch_rollback: ERR_DATA_DEPENDENTS"), "\(result)")
            #expect(result.out == "rollback.1\nrollback.2\n", "\(result)")
            #expect(try Hosts.dump(folder) == before)
            for verb in ["list", "verify", "drill"] {
                let done = try Hosts.tool(folder, verb)
                #expect(done.code == 0, "\(done.out)")
            }
            // An undo is undone itself, and so is a batch that was rolled back before its point was written.
            #expect(try Hosts.tool(folder, "rollback --id rollback.2 --yes").code == 0)
            #expect(try Hosts.tool(folder, "rollback --id rollback.1 --yes").code == 0)
            #expect(try Hosts.sql(folder, "SELECT * FROM vv") == "1|a123|0\n3|c123|0\n")
            #expect(try Hosts.tool(folder, "verify").code == 0)
        }
    }

    @Test func aHostUndoesAChangeOfTheSchemaByTheTool() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostSchemaTests.schema)
            let before = try Hosts.dump(folder)
            let sql = "CREATE TABLE more(x); INSERT INTO more VALUES(1); ALTER TABLE t ADD COLUMN y; DROP TABLE hidden"
            #expect(try Hosts.tool(folder, "run --id ddl --sql \"\(sql)\"").code == 0)
            #expect(try Hosts.sqlite(folder, "SELECT batch_rollback('ddl');\n").out == "rollback.1\n")
            #expect(try Hosts.dump(folder) == before)
            #expect(try Hosts.tool(folder, "verify").code == 0)
            #expect(try Hosts.tool(folder, "drill").code == 0)
        }
    }

    @Test func timeTravelIsRightOrSaysWhyNot() throws {
        try scene { folder, _ in
            let result = try Hosts.python(
                folder,
                """
                c = connect(isolation_level=None)
                def q(sql): return c.execute(sql).fetchall()
                assert q("SELECT row FROM batch_as_of('t', 'alter')") == [('{"id":1,"v":"a12","z":5}',), ('{"id":3,"v":"c12","z":4}',)]
                assert q("SELECT row FROM batch_as_of('parents', 'drop')") == [('{"id":1}',), ('{"id":2}',)]
                for batch in ["rows", "make", "more", "alter.1^"]:
                    refused(c, "SELECT * FROM batch_as_of('t', '%s')" % batch, "batch_as_of: ERR_DATA_SCHEMA_CHANGED", "table t")
                refused(c, "SELECT * FROM batch_as_of('parents', 'last.1^') UNION ALL SELECT * FROM batch_as_of('parents', 'after')", "ERR_DATA_SCHEMA_CHANGED", "parents")
                for table in ["made", "chi", "par"]:
                    refused(c, "SELECT * FROM batch_as_of('%s', 'more')" % table, "batch_as_of: ERR_DATA_SCHEMA_CHANGED", "dropped or renamed")
                    refused(c, "SELECT * FROM batch_row_history('%s', 1)" % table, "batch_row_history: ERR_DATA_SCHEMA_CHANGED")
                refused(c, "SELECT * FROM batch_as_of('nothing', 'more')", "ERR_UX_UNKNOWN_NAME")
                assert q("SELECT DISTINCT operation, \\"table\\" FROM batch_changes('drop')") == [("definition", "chi"), ("definition", "made"), ("definition", "par"), ("definition", "parents")]
                assert ("definition", "made") in q("SELECT operation, \\"table\\" FROM batch_changes('make')")
                assert q("SELECT count(*) FROM batch_changes('last')") == [(2,)]
                refused(c, "SELECT * FROM batch_changes('rows')", "batch_changes: ERR_DATA_SCHEMA_CHANGED", "table t")
                refused(c, "SELECT * FROM batch_changes('more')", "batch_changes: ERR_DATA_SCHEMA_CHANGED")
                history = q("SELECT batch, \\"column\\", before, after FROM batch_row_history('t', 1)")
                assert history[0] == ("last.1", "z", 6, 0) and history[-1] == ("rows.1", "v", "a", "a1"), history
                assert ("alter.1", "z", None, 4) in history, history
                # A view of earlier rows knows when its table has become another.
                c.execute("CREATE VIRTUAL TABLE temp.earlier USING batch_as_of('t', 'alter')")
                assert q("SELECT z FROM earlier") == [(5,), (4,)]
                c.execute("SELECT batch_begin('next')"); c.execute("ALTER TABLE t ADD COLUMN zz")
                refused(c, "SELECT * FROM batch_as_of('t', 'last')", "batch_as_of: ERR_UX_WRONG_STATE", "not in any log yet")
                c.execute("SELECT batch_commit()")
                refused(c, "SELECT * FROM earlier", "ERR_DATA_SCHEMA_CHANGED")
                """)
            #expect(result.fault == nil)
        }
    }

    /// The triggers of the guard fit the schema again when the checkpoint is there, also after a bare COMMIT.
    @Test(arguments: ["enforce", "track"])
    func theGuardFollowsTheSchema(mode: String) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostSchemaTests.schema)
            #expect(try Hosts.tool(folder, "run --id first --sql \"UPDATE t SET v = v\"").code == 0)
            #expect(try Hosts.tool(folder, "guard set --mode \(mode)").code == 0)
            let before = try Hosts.dump(folder)
            for (capture, end) in [
                ("hook", "COMMIT"), ("hook", "SELECT batch_commit()"), ("triggers", "COMMIT"),
                ("triggers", "SELECT batch_commit()"),
            ] {
                let result = try Hosts.python(
                    folder,
                    """
                    c = connect(isolation_level=None)
                    if "\(end)" == "COMMIT":
                        c.execute("BEGIN")
                    c.execute("SELECT batch_begin('guarded', NULL, '{\\"capture\\": \\"\(capture)\\", \\"on_commit\\": \\"end\\"}')")
                    for sql in ["CREATE TABLE n(id INTEGER PRIMARY KEY, x)", "INSERT INTO n(x) VALUES(1)", "ALTER TABLE t ADD COLUMN w DEFAULT 3",
                                "UPDATE t SET w = 4 WHERE id = 1", "ALTER TABLE par RENAME TO parents", "DROP INDEX tv", "SELECT batch_checkpoint('half')",
                                "ALTER TABLE t RENAME TO t2", "DELETE FROM t2 WHERE id = 2", "INSERT INTO n(x) VALUES(2)", "DROP TABLE chi", "\(end)"]:
                        c.execute(sql)
                    if "\(mode)" == "enforce":
                        refused(c, "INSERT INTO n(x) VALUES(3)", "ERR_SECURITY_WRITE_OUTSIDE_GATEWAY")
                        refused(c, "DELETE FROM t2", "ERR_SECURITY_WRITE_OUTSIDE_GATEWAY")
                    assert c.execute("SELECT count(*) FROM batchmgr_gate").fetchall() == [(0,)]
                    assert c.execute("SELECT count(*) FROM batchmgr_drift").fetchall() == [(0,)]
                    guarded = c.execute("SELECT DISTINCT tbl_name FROM sqlite_schema WHERE name LIKE 'batchmgr_guard%' ORDER BY 1").fetchall()
                    assert guarded == [("hidden",), ("n",), ("parents",), ("t2",)], guarded
                    """)
                #expect(result.fault == nil, "\(capture) \(end)")
                #expect(try Hosts.tool(folder, "verify").code == 0)
                let undone = try Hosts.sqlite(
                    folder, "SELECT batch_rollback('guarded');\nINSERT INTO chi VALUES(9, 9);\n")
                #expect(undone.out.hasPrefix("rollback."))
                #expect(undone.err.contains("ERR_SECURITY_WRITE_OUTSIDE_GATEWAY") == (mode == "enforce"), "\(undone)")
                if mode == "track" { #expect(try Hosts.tool(folder, "drift undo --yes").code == 0) }
                #expect(try Hosts.dump(folder) == before)
            }
            #expect(try Hosts.tool(folder, "drill").code == 0)
        }
    }
}
