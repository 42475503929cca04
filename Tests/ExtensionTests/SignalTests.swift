internal import TestSupport
internal import Testing

/// `batch_signal`: what a program says in its own transactions, and the workspace takes over.
struct SignalTests {
    /// A workspace with `app.db`, of two tenants in the same tables, and with signals that the ledger has heard of.
    private static func withScene(_ body: (String) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let made = try BuiltTool.shell(
                """
                cd '\(folder)'
                sqlite3 app.db "CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER, tenant_id TEXT);
                    INSERT INTO t VALUES(1, 1, 'acme'), (2, 2, 'beta')"
                "$TOOL" init --db app.db --tenancy column --tenant-column tenant_id -q >/dev/null
                echo 'signals: {checkout: latency, failed: error}' >>batchmgr.yaml
                "$TOOL" run first --sql "UPDATE t SET v = 3 WHERE tenant_id = 'acme'" --tenant acme -q
                """)
            #expect(made.code == 0, "\(made.err)")
            try body(folder)
        }
    }

    /// Count and sum of each signal.
    private static func figures(_ folder: String, _ options: String = "") throws -> [String] {
        try BuiltTool.shell(
            """
            cd '\(folder)' && "$TOOL" signal list --json \(options) | python3 -c "import json, sys
            for s in json.load(sys.stdin)['signals']: print(s['name'], s['count'], s['sum'])"
            """
        ).out.split(separator: "\n").map(String.init)
    }

    @Test func valuesAreTakenOverWithTheirTenants() throws {
        try SignalTests.withScene { folder in
            let said = try Hosts.sqlite(
                folder,
                """
                SELECT batch_signal('checkout', 12), batch_signal('checkout', 30.5, 'acme');
                BEGIN;
                SELECT sum(batch_signal('failed', value, 'beta')) FROM json_each('[1, 2, 3]');
                COMMIT;
                """)
            #expect(said.out == "12|30.5\n6\n", "\(said.err)")
            #expect(try SignalTests.figures(folder) == ["checkout 2 42.5", "failed 3 6.0"])
            #expect(try SignalTests.figures(folder, "--tenant acme") == ["checkout 1 30.5", "failed 0 0.0"])
            #expect(try Hosts.sql(folder, "SELECT count(*) FROM batchmgr_signals") == "0\n")
            #expect(try Hosts.tool(folder, "verify").code == 0)
        }
    }

    @Test func whatIsWrongIsRefusedByName() throws {
        try SignalTests.withScene { folder in
            let refused = try Hosts.sqlite(
                folder,
                """
                SELECT batch_signal('chekout', 1);
                SELECT batch_signal('checkout', -1);
                SELECT batch_signal('checkout', '1');
                SELECT batch_signal('checkout', NULL);
                SELECT batch_signal('checkout', 9e999);
                SELECT batch_signal('checkout', 1, '../acme');
                CREATE TABLE notes(v);
                CREATE TRIGGER tell AFTER INSERT ON notes BEGIN SELECT batch_signal('checkout', 1); END;
                INSERT INTO notes VALUES(1);
                SELECT batch_begin('work', 'acme');
                SELECT batch_signal('checkout', 1, 'beta');
                SELECT batch_abort();
                """)
            for words in [
                "ERR_UX_UNKNOWN_NAME: no signal 'chekout' is declared; did you mean 'checkout'?",
                "the value of signal 'checkout' is a number from 0 to 1e15", "the argument value is not a number",
                "the argument value is NULL", "'../acme' cannot be the name of a tenant",
                "unsafe use of batch_signal", "ERR_SECURITY_TENANT: batch work.1 is for tenant acme",
            ] { #expect(refused.err.contains(words), "\(words): \(refused.err)") }
            #expect(try SignalTests.figures(folder) == ["checkout 0 0.0", "failed 0 0.0"])
        }
    }

    @Test func withoutALedgerItIsSaidWhatToDo() throws {
        try TemporaryFolder.with { folder in
            let refused = try Hosts.sqlite(folder, "SELECT batch_signal('checkout', 1);")
            #expect(refused.err.contains("ERR_UX_WRONG_STATE: no batch has run on this database yet"))
        }
    }

    /// A value is kept exactly when its transaction is, inside and outside of a batch.
    @Test(arguments: ["hook", "triggers"])
    func valuesGoWithTheirTransaction(capture: String) throws {
        try SignalTests.withScene { folder in
            let host = try Hosts.python(
                folder,
                """
                c = connect(isolation_level=None)
                def say(value): c.execute("SELECT batch_signal('checkout', ?)", (value,)).fetchall()
                c.execute("BEGIN"); say(1000); c.execute("ROLLBACK")
                c.execute("BEGIN"); say(1)
                c.execute("SAVEPOINT a"); say(1000); c.execute("ROLLBACK TO a"); c.execute("COMMIT")
                options = '{"capture": "\(capture)", "on_commit": "checkpoint"}'
                c.execute("SELECT batch_begin('one', 'acme', ?)", (options,)).fetchall()
                say(1000)
                c.execute("SELECT batch_abort()").fetchall()
                c.execute("SELECT batch_begin('two', 'acme', ?)", (options,)).fetchall()
                c.execute("UPDATE t SET v = 4 WHERE id = 1"); say(2)
                c.execute("COMMIT")
                # Between two transactions of the batch: it does not go on for this.
                say(4)
                c.execute("BEGIN"); c.execute("UPDATE t SET v = 5 WHERE id = 1"); say(8); c.execute("COMMIT")
                c.execute("SELECT batch_commit()").fetchall()
                print(c.execute("SELECT batch, updated FROM batch_log WHERE job = 'two'").fetchall())
                """)
            #expect(host.fault == nil)
            #expect(host.out == "[('two.1', 2)]\n", "\(host.err)")
            #expect(try SignalTests.figures(folder) == ["checkout 4 15.0", "failed 0 0.0"])
            #expect(try SignalTests.figures(folder, "--tenant acme") == ["checkout 3 14.0", "failed 0 0.0"])
            // They are no rows of the batch: its undo leaves them alone.
            let undone = try BuiltTool.shell("cd '\(folder)' && \"$TOOL\" rollback two --yes -q && \"$TOOL\" verify -q")
            #expect(undone.code == 0, "\(undone.err)")
            #expect(try SignalTests.figures(folder) == ["checkout 4 15.0", "failed 0 0.0"])
        }
    }

    /// Killed between taking them over and forgetting them; more come before they are forgotten.
    @Test func valuesAreTakenOverOnce() throws {
        try SignalTests.withScene { folder in
            _ = try Hosts.sqlite(folder, "SELECT batch_signal('checkout', 5);")
            for _ in 0..<2 {
                let killed = try BuiltTool.shell(
                    "cd '\(folder)' && BATCHMGR_KILL_AT=signals-taken \"$TOOL\" run more --sql 'DELETE FROM t WHERE id = 9' --tenant acme -q"
                )
                #expect(killed.code != 0)
                #expect(try Hosts.sql(folder, "SELECT count(*) FROM batchmgr_signals WHERE handover <> ''") == "1\n")
            }
            _ = try Hosts.sqlite(folder, "SELECT batch_signal('checkout', 7);")
            #expect(try SignalTests.figures(folder) == ["checkout 2 12.0", "failed 0 0.0"])
            #expect(try SignalTests.figures(folder) == ["checkout 2 12.0", "failed 0 0.0"])
        }
    }

    /// A ledger that an older program made has no such table.
    @Test func anOlderLedgerGetsItsTable() throws {
        try SignalTests.withScene { folder in
            _ = try Hosts.sql(folder, "DROP TABLE batchmgr_signals")
            let said = try Hosts.sqlite(
                folder,
                """
                BEGIN; SELECT batch_signal('checkout', 1); ROLLBACK;
                BEGIN; SELECT batch_signal('checkout', 2); COMMIT;
                SELECT batch_signal('checkout', 4);
                """)
            #expect(said.out == "1\n2\n4\n", "\(said.err)")
            #expect(try SignalTests.figures(folder) == ["checkout 2 6.0", "failed 0 0.0"])
        }
    }

    /// 100,000 a second and more; the bound leaves room for a busy machine.
    @Test func manyAreWrittenInOneTransaction() throws {
        try SignalTests.withScene { folder in
            let host = try Hosts.python(
                folder,
                """
                import time
                c = connect(isolation_level=None)
                begin = time.process_time()
                c.execute("BEGIN")
                c.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                          "SELECT sum(batch_signal('checkout', i)) FROM n").fetchall()
                c.execute("COMMIT")
                spent = time.process_time() - begin
                print("fast" if spent < 1 else spent)
                """)
            #expect(host.out == "fast\n", "\(host.err)")
            #expect(try SignalTests.figures(folder) == ["checkout 100000 5000050000.0", "failed 0 0.0"])
        }
    }

    /// In a file of its own all values are those of its tenant.
    @Test func theFileOfATenantSpeaksForIt() throws {
        try TemporaryFolder.with { folder in
            let made = try BuiltTool.shell(
                """
                cd '\(folder)' && mkdir data
                sqlite3 data/acme.db "CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES(1, 1)"
                "$TOOL" init --db 'data/{tenant}.db' --tenancy file -q >/dev/null
                echo 'signals: {checkout: latency}' >>batchmgr.yaml
                "$TOOL" run first --sql "UPDATE t SET v = 3" --tenant acme -q
                """)
            #expect(made.code == 0, "\(made.err)")
            _ = try Hosts.sqlite(folder, "SELECT batch_signal('checkout', 5, 'beta');", database: "data/acme.db")
            #expect(try SignalTests.figures(folder, "--tenant acme") == ["checkout 1 5.0"])
        }
    }
}
