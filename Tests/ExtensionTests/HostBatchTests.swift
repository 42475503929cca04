internal import TestSupport
internal import Testing

/// Batches in the `sqlite3` shell.
struct HostBatchTests {
    static let schema = """
        CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, u INT UNIQUE);
        INSERT INTO t VALUES(1,'a',1),(2,'b',2),(3,'c',3);
        CREATE TABLE pairs(a, b, c, PRIMARY KEY(a, b)) WITHOUT ROWID;
        INSERT INTO pairs VALUES('x',1,1),('y',2,2);
        CREATE TABLE log(text);
        CREATE TRIGGER tell AFTER UPDATE ON t BEGIN INSERT INTO log VALUES(OLD.v || '>' || NEW.v); END;

        """

    @Test func aBatchIsUndoneExactly() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let before = try Hosts.dump(folder)
            let result = try Hosts.sqlite(
                folder,
                """
                SELECT batch_begin('work');
                UPDATE t SET v = v || '!', u = -u;
                UPDATE t SET u = 4 - abs(u);
                SELECT batch_checkpoint('first');
                DELETE FROM pairs; INSERT INTO pairs VALUES('z', NULL, 3) ON CONFLICT DO NOTHING;
                REPLACE INTO t VALUES(9, 'z', 1);
                SELECT batch_commit();
                SELECT number, step, inserted, updated, deleted FROM batch_checkpoints('work');
                SELECT batch_rollback('work.1');
                """)
            #expect(result.err.contains("NOT NULL") && !result.err.contains("batch"), "\(result.err)")
            #expect(result.out == "work.1\n1\nwork.1\n1|first|6|6|0\n2|commit|1|0|3\nrollback.1\n")
            #expect(try Hosts.dump(folder) == before)
        }
    }

    /// What SQLite takes back by itself was never part of the batch.
    @Test(arguments: [
        "INSERT INTO t VALUES(10,'x',10),(11,'y',1);",
        "SAVEPOINT s; UPDATE t SET v = 'gone'; ROLLBACK TO s; RELEASE s;",
        "SAVEPOINT s; SAVEPOINT r; DELETE FROM t; RELEASE r; ROLLBACK TO s; UPDATE t SET v = v WHERE id = 1; RELEASE s;",
        "UPDATE OR FAIL t SET u = 3 WHERE id < 3;",
        "INSERT INTO t SELECT id + 100, v, CASE id WHEN 3 THEN 1 ELSE id + 100 END FROM t;",
    ])
    func whatIsTakenBackLeavesNoTrace(statement: String) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let before = try Hosts.dump(folder)
            let result = try Hosts.sqlite(
                folder,
                """
                SELECT batch_begin('work');
                UPDATE t SET v = v || '!';
                \(statement)
                UPDATE pairs SET c = 7;
                SELECT batch_commit();
                SELECT count(*) FROM batchmgr_state WHERE CASE WHEN table_name IN ('t', 'pairs', 'log') \
                THEN digest <> batch_digest(table_name) END;
                SELECT batch_rollback('work.1');
                """)
            #expect(result.out.hasSuffix("work.1\n0\nrollback.1\n"), "\(result)")
            #expect(try Hosts.dump(folder) == before)
        }
    }

    @Test func aDeleteThatWasPreparedBeforeIsSeen() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let result = try Hosts.python(
                folder,
                """
                c = connect(isolation_level=None)
                c.execute("BEGIN"); c.execute("DELETE FROM pairs"); c.execute("ROLLBACK")
                c.execute("SELECT batch_begin('wipe')")
                c.execute("DELETE FROM pairs")
                c.execute("SELECT batch_commit()")
                assert c.execute("SELECT deleted FROM batch_log").fetchall() == [(2,)]
                c.execute("SELECT batch_rollback('wipe')")
                assert c.execute("SELECT count(*) FROM pairs").fetchall() == [(2,)]
                """)
            #expect(result.fault == nil)
        }
    }

    @Test func aTransactionOfTheHostIsJoined() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let before = try Hosts.dump(folder)
            let result = try Hosts.python(
                folder,
                """
                c = connect(isolation_level=None)
                # Its COMMIT is the last checkpoint.
                c.execute("BEGIN")
                end = '{"on_commit": "end"}'
                c.execute("SELECT batch_begin('joined', NULL, ?)", (end,))
                c.execute("UPDATE t SET v = 'one'")
                c.execute("SELECT batch_checkpoint('half')")
                c.execute("UPDATE t SET v = 'two'")
                c.execute("COMMIT")
                assert c.execute("SELECT status, updated, (SELECT count(*) FROM batch_checkpoints('joined.1')) FROM batch_log").fetchall() == [("committed", 6, 2)]
                refused(c, "SELECT batch_commit()", "batch_commit", "joined.1 ended with the COMMIT")
                # Committed by name, and then by the host.
                c.execute("BEGIN")
                c.execute("SELECT batch_begin('named')")
                c.execute("UPDATE t SET v = 'three'")
                c.execute("SELECT batch_commit()")
                c.execute("COMMIT")
                # Its ROLLBACK leaves no half of a batch.
                c.execute("BEGIN")
                c.execute("INSERT INTO log VALUES('mine')")
                c.execute("SELECT batch_begin('lost')")
                c.execute("UPDATE t SET v = 'four'")
                c.execute("SELECT batch_checkpoint('half')")
                c.execute("ROLLBACK")
                refused(c, "SELECT batch_commit()", "lost.1 is gone")
                # batch_abort takes back the batch and leaves the rest of the transaction.
                c.execute("BEGIN")
                c.execute("INSERT INTO log VALUES('kept')")
                c.execute("SELECT batch_begin('aborted')")
                c.execute("UPDATE t SET v = 'five'")
                c.execute("SELECT batch_abort()")
                assert c.in_transaction
                c.execute("COMMIT")
                # A savepoint of before is released, and a statement fails after it.
                c.execute("BEGIN"); c.execute("SAVEPOINT early")
                c.execute("SELECT batch_begin('freed', NULL, ?)", (end,))
                c.execute("RELEASE early")
                c.execute("UPDATE t SET v = 'freed'")
                refused(c, "INSERT INTO t SELECT id + 20, v, CASE id WHEN 3 THEN 1 ELSE id + 20 END FROM t", "UNIQUE")
                c.execute("COMMIT")
                c.execute("SELECT batch_rollback('freed')")
                # Going back to a savepoint of before.
                c.execute("BEGIN"); c.execute("SAVEPOINT early")
                c.execute("SELECT batch_begin('rewound')")
                c.execute("UPDATE t SET v = 'six'")
                c.execute("ROLLBACK TO early")
                refused(c, "SELECT batch_checkpoint('x')", "rewound.1 is gone")
                c.execute("COMMIT")
                assert [r[0] for r in c.execute("SELECT batch FROM batch_log WHERE status = 'committed' AND kind = 'batch'")] == ["joined.1", "named.1"]
                assert c.execute("SELECT DISTINCT v FROM t").fetchall() == [("three",)]
                assert c.execute("SELECT count(*) FROM log WHERE text = 'kept'").fetchall() == [(1,)]
                c.execute("DELETE FROM log WHERE text = 'kept'")
                c.execute("SELECT batch_rollback('named')")
                c.execute("SELECT batch_rollback('joined')")
                """)
            #expect(result.fault == nil)
            #expect(try Hosts.dump(folder) == before)
        }
    }

    /// Python begins and commits transactions on its own.
    @Test func aCommitInMidBatchEndsTheBatch() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let result = try Hosts.python(
                folder,
                """
                c = connect()
                with c:
                    c.execute("SELECT batch_begin('implicit', NULL, '{\\"actor\\": \\"ann\\", \\"on_commit\\": \\"end\\"}')")
                    c.execute("INSERT INTO log VALUES('x')")
                assert c.execute("SELECT batch, status, actor, inserted FROM batch_log").fetchall() == [("implicit.1", "committed", "ann", 1)]
                try:
                    with c:
                        c.execute("SELECT batch_begin('implicit')")
                        c.execute("INSERT INTO log VALUES('y')")
                        raise ValueError()
                except ValueError:
                    pass
                assert c.execute("SELECT count(*) FROM batch_log").fetchall() == [(1,)]
                assert c.execute("SELECT count(*) FROM log").fetchall() == [(1,)]
                """)
            #expect(result.fault == nil)
        }
    }

    @Test func noBatchBeginsInAFileOfTwoNames() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let result = try Hosts.python(
                folder,
                """
                import os
                c = connect()
                file = c.execute("PRAGMA database_list").fetchone()[2]
                os.link(file, file + "-other")
                refused(c, "SELECT batch_begin('x')", "has 2 names (hard links)")
                os.unlink(file + "-other")
                c.execute("SELECT batch_begin('x')")
                c.execute("UPDATE t SET v = 'x'")
                c.execute("SELECT batch_commit()")
                """)
            #expect(result.fault == nil)
        }
    }

    @Test func anAbortedBatchKeepsItsEarlierCheckpoints() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let before = try Hosts.dump(folder)
            let result = try Hosts.sqlite(
                folder,
                """
                SELECT batch_begin('half');
                UPDATE t SET v = 'kept';
                SELECT batch_checkpoint('one');
                UPDATE t SET v = 'gone';
                SELECT batch_abort();
                SELECT batch, status FROM batch_log;
                SELECT DISTINCT v FROM t;
                SELECT batch_rollback('half');
                """)
            #expect(result.out == "half.1\n1\nhalf.1\nhalf.1|failed\nkept\nrollback.1\n", "\(result)")
            #expect(try Hosts.dump(folder) == before)
        }
    }

    @Test func dependentsAreNamedAndUndoneFirst() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let before = try Hosts.dump(folder)
            let result = try Hosts.sqlite(
                folder,
                """
                SELECT batch_begin('first'); UPDATE t SET v = 'x' WHERE id = 1; SELECT batch_commit();
                SELECT batch_begin('second'); UPDATE t SET v = 'y' WHERE id = 1; SELECT batch_commit();
                SELECT batch_begin('other'); UPDATE t SET v = 'z' WHERE id = 2; SELECT batch_commit();
                SELECT dependent, kind, evidence FROM batch_dependents('first');
                SELECT batch_rollback('first');
                SELECT batch_rollback('first', 'cascade');
                SELECT batch, status FROM batch_log;
                SELECT batch_rollback('other');
                """)
            #expect(
                result.err.contains("batch_rollback: ERR_DATA_DEPENDENTS: 1 later batch depends on first.1: second.1"))
            #expect(
                result.out.contains(
                    "second.1|row|row t 1 key\nother.1|read|read t.id, t.v\nrollback.1\nfirst.1|rolled_back\nsecond.1|rolled_back"
                ))
            #expect(try Hosts.dump(folder) == before)
        }
    }

    @Test func aRollbackIsUndoneItself() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let begin = "SELECT batch_begin('work'); UPDATE t SET v = 'x'; DELETE FROM pairs; SELECT batch_commit();\n"
            _ = try Hosts.sqlite(folder, begin)
            let after = try Hosts.dump(folder)
            let result = try Hosts.sqlite(
                folder, "SELECT batch_rollback('work'); SELECT batch_rollback('rollback.1');\n")
            #expect(result.out == "rollback.1\nrollback.2\n", "\(result)")
            #expect(try Hosts.dump(folder) == after)
        }
    }

    @Test func settingsOfTheHostStayAsTheyWere() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostBatchTests.schema)
            let settings = """
                PRAGMA foreign_keys; PRAGMA ignore_check_constraints; PRAGMA recursive_triggers; PRAGMA cache_size;
                PRAGMA writable_schema; SELECT last_insert_rowid();

                """
            let result = try Hosts.sqlite(
                folder,
                """
                .dbconfig defensive on
                .dbconfig legacy_alter_table on
                PRAGMA foreign_keys = ON; PRAGMA ignore_check_constraints = ON; PRAGMA cache_size = -4000;
                INSERT INTO log(rowid, text) VALUES(77, 'x');
                \(settings)SELECT '--'; SELECT batch_begin('work'); UPDATE pairs SET c = 3; SELECT batch_commit();
                SELECT batch_rollback('work'); SELECT '--';
                \(settings).dbconfig defensive
                .dbconfig legacy_alter_table
                """)
            let parts = result.out.split(separator: "--\n").map { $0.split(separator: "\n") }
            try #require(parts.count == 3, "\(result)")
            #expect(parts[2].prefix(6) == parts[0].suffix(6))
            #expect(
                parts[2][6...].map { $0.split(separator: " ") } == [
                    ["defensive", "on"], ["legacy_alter_table", "on"],
                ])
        }
    }
}
