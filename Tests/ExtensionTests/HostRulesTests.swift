internal import TestSupport
internal import Testing

/// The gateway in the application: tenants, protected data, limits, the guard, switches.
struct HostRulesTests {
    private static let schema = """
        CREATE TABLE rows(id INTEGER PRIMARY KEY, tenant_id TEXT, v INT);
        INSERT INTO rows VALUES(1,'a',1),(2,'a',2),(3,'b',3);
        CREATE TABLE secrets(id INTEGER PRIMARY KEY, v); INSERT INTO secrets VALUES(1,1);

        """

    private func scene(_ body: (String) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostRulesTests.schema)
            let yaml = """
                databases:
                  main:
                    path: app.db
                    tenancy: column
                    tenant_column: tenant_id
                    protected: [secrets, rows.id]
                """
            try TextFile.write(yaml + "\n", to: folder + "/batchmgr.yaml")
            let made = try BuiltTool.shell(
                "cd '\(folder)' && exec \"$TOOL\" run --id first --tenant a --sql \"UPDATE rows SET v = 5 WHERE id = 1\""
            )
            try #require(made.code == 0, "\(made.err)")
            try body(folder)
        }
    }

    @Test(arguments: [
        ("'a'", "UPDATE rows SET v = 0", "ERR_SECURITY_TENANT"),
        ("'a'", "UPDATE rows SET tenant_id = 'b' WHERE id = 1", "ERR_SECURITY_TENANT"),
        ("'b'", "DELETE FROM rows WHERE id = 1", "ERR_SECURITY_TENANT"),
        ("'a'", "INSERT INTO rows VALUES(9, NULL, 1)", "ERR_SECURITY_TENANT"),
        ("NULL", "UPDATE rows SET v = 0 WHERE id = 1", "ERR_SECURITY_TENANT"),
        ("'a'", "UPDATE secrets SET v = 0", "ERR_SECURITY"),
        ("'a'", "UPDATE rows SET id = 20 WHERE id = 2", "ERR_SECURITY_PROTECTED"),
    ])
    func theRulesOfTheWorkspaceHoldInAHost(tenant: String, sql: String, code: String) throws {
        try scene { folder in
            let before = try Hosts.dump(folder)
            for begin in ["", "BEGIN; "] {
                let result = try Hosts.sqlite(
                    folder, "\(begin)SELECT batch_begin('work', \(tenant)); \(sql); SELECT batch_commit();\n")
                #expect(result.err.contains("batch_commit: \(code)"), "\(result)")
                #expect(try Hosts.dump(folder) == before)
            }
            // A bare COMMIT does not go around them.
            let result = try Hosts.sqlite(
                folder, "BEGIN; SELECT batch_begin('work', \(tenant), '{\"on_commit\": \"end\"}'); \(sql); COMMIT;\n")
            #expect(result.err.contains("COMMIT: \(code)"), "\(result)")
            #expect(try Hosts.dump(folder) == before)
            #expect(try Hosts.sqlite(folder, "SELECT count(*) FROM batch_log;\n").out == "1\n")
        }
    }

    @Test func whatIsOnesOwnIsWritten() throws {
        try scene { folder in
            let result = try Hosts.sqlite(
                folder, "SELECT batch_begin('work', 'b'); UPDATE rows SET v = 9 WHERE id = 3; SELECT batch_commit();\n")
            #expect(result.out == "work.1\nwork.1\n" && result.err == "")
        }
    }

    @Test(arguments: [
        (#"{"limits": {"rows": 2}}"#, "ERR_SECURITY_LIMIT"),
        (#"{"limits": {"tables": ["secrets"]}}"#, "ERR_SECURITY_LIMIT"),
        (#"{"protected": ["rows.v"]}"#, "ERR_SECURITY_PROTECTED"),
        (#"{"tenant_column": "tenant_id"}"#, "ERR_SECURITY_TENANT"),
    ])
    func optionsAreRulesWhereThereIsNoWorkspace(options: String, code: String) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostRulesTests.schema)
            let before = try Hosts.dump(folder)
            for capture in ["", #", "capture": "triggers"}"#] {
                let text = capture.isEmpty ? options : options.dropLast() + capture
                let result = try Hosts.sqlite(
                    folder,
                    "SELECT batch_begin('work', 'a', '\(text)'); UPDATE rows SET v = 0; SELECT batch_commit();\n")
                #expect(result.err.contains("batch_commit: \(code)"), "\(result)")
                #expect(try Hosts.dump(folder) == before)
            }
        }
    }

    @Test func theGuardRefusesWhatIsNoBatchAndLetsBatchesPass() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostRulesTests.schema)
            #expect(try Hosts.tool(folder, "run --id first --sql \"UPDATE rows SET v = 4\"").code == 0)
            let set = try Hosts.tool(folder, "guard set --mode enforce")
            try #require(set.code == 0, "\(set.err)")
            let result = try Hosts.python(
                folder,
                """
                c = connect(isolation_level=None)
                for capture in ["hook", "triggers"]:
                    refused(c, "UPDATE rows SET v = 7", "ERR_SECURITY_WRITE_OUTSIDE_GATEWAY")
                    c.execute("SELECT batch_begin('work', NULL, ?)", ('{"capture": "%s"}' % capture,))
                    c.execute("UPDATE rows SET v = v + 1")
                    c.execute("SELECT batch_checkpoint('one')")
                    c.execute("UPDATE rows SET v = v + 1")
                    c.execute("SELECT batch_commit()")
                    refused(c, "UPDATE rows SET v = 7", "ERR_SECURITY_WRITE_OUTSIDE_GATEWAY")
                    c.execute("BEGIN")
                    c.execute("SELECT batch_begin('joined', NULL, ?)", ('{"capture": "%s"}' % capture,))
                    c.execute("UPDATE rows SET v = v + 1")
                    c.execute("SELECT batch_commit()")
                    refused(c, "UPDATE rows SET v = 7", "ERR_SECURITY_WRITE_OUTSIDE_GATEWAY")
                    c.execute("COMMIT")
                    c.execute("BEGIN")
                    c.execute("SELECT batch_begin('implicit', NULL, ?)", ('{"capture": "%s", "on_commit": "end"}' % capture,))
                    c.execute("UPDATE rows SET v = v + 1")
                    c.execute("COMMIT")
                    refused(c, "DELETE FROM rows", "ERR_SECURITY_WRITE_OUTSIDE_GATEWAY")
                    c.execute("SELECT batch_rollback('implicit')")
                    c.execute("SELECT batch_rollback('joined')")
                assert c.execute("SELECT count(*) FROM batchmgr_gate").fetchall() == [(0,)]
                """)
            #expect(result.fault == nil)
            #expect(try Hosts.tool(folder, "verify").code == 0)
        }
    }

    @Test func switchesHoldABatchBack() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, HostRulesTests.schema)
            #expect(try Hosts.tool(folder, "run --id first --sql \"UPDATE rows SET v = 4\"").code == 0)
            #expect(try Hosts.sqlite(folder, "SELECT batch_switch('safe_mode');\n").out == "off\n")
            let set = try Hosts.tool(folder, "switch set --name safe_mode --value on --reason maintenance")
            try #require(set.code == 0, "\(set.err)")
            let result = try Hosts.sqlite(
                folder, "SELECT batch_switch('safe_mode');\nSELECT batch_begin('work');\nSELECT batch_switch('nope');\n"
            )
            #expect(result.out == "on\n")
            #expect(result.err.contains("batch_begin: ERR_SECURITY_SAFE_MODE"), "\(result.err)")
            #expect(result.err.contains("batch_switch: ERR_UX_UNKNOWN_SWITCH"), "\(result.err)")
        }
    }
}
