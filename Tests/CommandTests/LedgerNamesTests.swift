import BatchCore
import TestSupport
import Testing

/// The application had a table with a name of the ledger first: the ledger stands beside it, and nothing else changes.
@Suite struct LedgerNamesTests {
    /// A table, an index and a view of the application for which the ledger has the same names.
    private static let schema = """
        CREATE TABLE batchmgr_batches(x, y UNIQUE); INSERT INTO batchmgr_batches VALUES(1, 'a'), (2, 'b');
        CREATE TABLE batchmgr_meta(k, v); INSERT INTO batchmgr_meta VALUES('mine', 'too');
        CREATE TABLE BatchMgr_Lease(id INTEGER PRIMARY KEY AUTOINCREMENT, w);
        INSERT INTO batchmgr_lease(w) VALUES('w1'), ('secretword');
        CREATE INDEX batchmgr_points_batch ON batchmgr_batches(x);
        CREATE VIEW batchmgr_drift AS SELECT * FROM main.batchmgr_batches;
        CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, 1);
        CREATE TRIGGER counts AFTER UPDATE ON t BEGIN UPDATE batchmgr_batches SET x = x + 1; END; ANALYZE;
        """
    private static let change = """
        UPDATE t SET b = 5; INSERT INTO main.batchmgr_batches VALUES(7, 'c'); DELETE FROM batchmgr_meta;
        INSERT INTO batchmgr_lease(w) SELECT y FROM batchmgr_drift; UPDATE main.batchmgr_batches SET x = 9 WHERE y = 'a'
        """
    private static let definition = """
        ALTER TABLE batchmgr_batches ADD COLUMN z DEFAULT 4; DROP TABLE batchmgr_meta;
        CREATE VIEW v AS SELECT count(*) FROM batchmgr_lease; UPDATE main.batchmgr_batches SET z = 9 WHERE y = 'a'
        """

    private struct Scene {
        let folder: String

        func sh(_ line: String) throws -> BuiltTool.Result {
            try BuiltTool.shell("cd \(Shell.quote(folder)) || exit 99\n\(line)")
        }

        @discardableResult
        func expect(_ code: Int32, _ line: String, _ place: SourceLocation = #_sourceLocation) throws -> String {
            let result = try sh("\"$TOOL\" \(line)")
            #expect(result.code == code, "\(line): \(result.out)\(result.err)", sourceLocation: place)
            return result.out + result.err
        }

        func sql(_ text: String) throws -> String { try sh("sqlite3 app.db \(Shell.quote(text))").out }

        /// All that is not the ledger's.
        func dump(_ file: String = "app.db") throws -> String {
            try sh("sqlite3 \(file) .dump | grep -v -e batchmgr_ledger_ -e batchmgr_guard_").out
        }
    }

    private func with(guard mode: String = "off", _ body: (Scene) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let scene = Scene(folder: folder)
            _ = try scene.sh(
                "printf 'databases:\\n  main:\\n    path: app.db\\n    guard: \(mode)\\n' > batchmgr.yaml")
            #expect(try scene.sql(LedgerNamesTests.schema) == "")
            try body(scene)
        }
    }

    private func run(_ id: String, _ sql: String) -> String { "run --id \(id) --sql \(Shell.quote(sql))" }

    @Test(arguments: ["off", "track", "enforce"]) func aLedgerBesideTablesOfItsNames(mode: String) throws {
        try with(guard: mode) { scene in
            let before = try scene.dump()
            try scene.expect(0, run("rows", LedgerNamesTests.change))
            let between = try scene.dump()
            #expect(between != before)
            try scene.expect(0, run("schema", LedgerNamesTests.definition))
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_ledger_batches") == "2\n")
            // What the ledger is called here belongs to it.
            #expect(
                try scene.expect(3, run("no", "DELETE FROM batchmgr_ledger_batches")).contains("belongs to batchmgr"))
            try scene.expect(3, run("no", "CREATE TABLE batchmgr_ledger_new(a)"))
            for line in ["verify", "drill", "show rows.1", "audit verify"] { try scene.expect(0, line) }
            #expect(try scene.expect(0, "diff --id rows.1").contains("batchmgr_meta"))
            for source in ["git", "bak"] {
                try scene.expect(0, "restore --point rows.1 --to \(source).db --source \(source)")
                #expect(try scene.dump("\(source).db") == between, "\(source)")
            }
            try scene.expect(0, "rollback --id rows.1 --mode cascade")
            #expect(try scene.dump() == before)
            try scene.expect(0, "vacuum")
            #expect(try scene.dump() == before)
            try scene.expect(0, "verify")
            let erasure = try scene.expect(0, "erase --table batchmgr_lease --where \"w = 'secretword'\" --yes")
            #expect(erasure.contains("1 row erased"), "\(erasure)")
            try scene.expect(0, "verify")
            let after = try scene.dump()
            try scene.expect(0, "remove --yes --all")
            #expect(try scene.dump() == after)
            #expect(try scene.sql("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'batchmgr_ledger%'") == "0\n")
        }
    }

    /// Nothing that names the ledger in SQL of people is taken for ours.
    @Test func driftAndReplayBesideThem() throws {
        try with { scene in
            try scene.expect(0, run("one", LedgerNamesTests.change))
            try scene.expect(0, run("two", "UPDATE main.batchmgr_batches SET x = x * 2"))
            _ = try scene.sql("UPDATE batchmgr_batches SET y = 'drift' WHERE y = 'b'")
            #expect(try scene.expect(0, "drift show").contains("batchmgr_batches"))
            try scene.expect(0, "drift undo")
            #expect(try scene.sql("SELECT x, y FROM batchmgr_batches ORDER BY y") == "18|a\n6|b\n14|c\n")
            try scene.expect(0, "rollback --id one.1 --mode replay")
            #expect(try scene.sql("SELECT x, y FROM batchmgr_batches ORDER BY y") == "2|a\n4|b\n")
            try scene.expect(0, "restore --point one.1 --in-place --yes")
            #expect(try scene.sql("SELECT x, y FROM batchmgr_batches ORDER BY y") == "9|a\n3|b\n7|c\n")
            try scene.expect(0, "verify")
        }
    }

    /// A ledger that has lost its first table is damaged; it does not get a second one.
    @Test func whatIsLeftOfALedgerIsNoTableOfTheApplication() throws {
        try TemporaryFolder.with { folder in
            let scene = Scene(folder: folder)
            _ = try scene.sql("CREATE TABLE t(a); INSERT INTO t VALUES(1)")
            try scene.expect(0, "--db app.db run --id one --sql 'UPDATE t SET a = 2'")
            _ = try scene.sql("DROP TABLE batchmgr_meta")
            #expect(try scene.sh("\"$TOOL\" --db app.db run --id two --sql 'UPDATE t SET a = 3'").code != 0)
            #expect(try scene.sql("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'batchmgr_ledger%'") == "0\n")
        }
    }
}
