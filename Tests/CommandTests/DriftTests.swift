import BatchCore
import TestSupport
import Testing

/// Writes that no batch made: found, shown, adopted, undone, noted and stopped.
@Suite struct DriftTests {
    static let write = """
        UPDATE invoices SET note = 'mine' WHERE id = 2; INSERT INTO invoices(customer, total) VALUES (1, 9);
        DELETE FROM rates WHERE code = 'EUR'; REPLACE INTO customers VALUES (77, 'Cy'); UPDATE rates SET code = 'USD' WHERE code = 'usd';
        """

    /// With and without a guard the answers are the same.
    static func withDrift(_ mode: String, _ body: (SampleDatabase) throws -> Void) throws {
        try SampleDatabase.withBatches { database in
            #expect(try database.tool("guard", "set", "--mode", mode).code == 0)
            try body(database)
        }
    }

    @Test(arguments: ["off", "track"]) func everyChangedRowIsShown(_ mode: String) throws {
        try Self.withDrift(mode) { database in
            #expect(try database.json("drift", "show")["drifted"] == false)
            try database.sql(Self.write)
            let drift = try database.json("drift", "show")
            #expect(drift["drifted"] == true && drift["tracked"] == .bool(mode == "track"))
            let changes = try #require(drift["changes"]?.array)
            let rows = changes.map { "\($0["op"]?.string ?? "") \($0["table"]?.string ?? "")" }
            #expect(
                rows.sorted() == [
                    "delete customers", "delete rates", "insert customers", "insert invoices", "update invoices",
                    "update rates",
                ])
            #expect(try database.json("drift", "show", "--table", "rates", "--stat")["counts"]?["deleted"] == 1)
            #expect(try database.tool("verify").code == 9)
            #expect(try database.tool("verify", "--allow-drift").code == 0)
        }
    }

    @Test(arguments: ["off", "track"]) func driftIsUndoneAndBroughtBackExactly(_ mode: String) throws {
        try Self.withDrift(mode) { database in
            let before = try database.dump()
            try database.sql(Self.write)
            let drifted = try database.dump()
            let undo = try database.json("drift", "undo")
            #expect(undo["batch"] == "drift.1" && undo["rollback"] == "rollback.1")
            #expect(try database.dump() == before)
            #expect(try database.tool("verify").code == 0)
            #expect(try database.tool("rollback", "--id", "rollback.1").code == 0)
            #expect(try database.dump() == drifted)
            #expect(try database.tool("verify").code == 0)
            #expect(try database.tool("drift", "undo").code == 2)
        }
    }

    @Test(arguments: ["off", "track"]) func adoptedDriftIsABatchWithARestorePoint(_ mode: String) throws {
        try Self.withDrift(mode) { database in
            let before = try database.dump()
            try database.sql(Self.write)
            let drifted = try database.dump()
            let adopted = try database.json("drift", "adopt")
            #expect(adopted["batch"] == "drift.1" && adopted["status"] == "committed")
            #expect(try database.dump() == drifted)
            #expect(try database.tool("verify").code == 0)
            #expect(try database.json("drift", "show")["drifted"] == false)
            #expect(try database.json("points")["points"]?.array?.last?["kind"] == "drift")
            let blame = try database.json("blame", "--table", "invoices", "--key", "2")
            #expect(blame["columns"]?.array?[3]["batch"] == "drift.1")
            for (point, dump) in [("drift.1^", before), ("drift.1", drifted)] {
                for source in ["git", "bak"] {
                    let file = "\(database.folder)/\(source)-\(point)"
                    let made = try database.tool("restore", "--point", point, "--to", file, "--source", source)
                    #expect(made.code == 0, "\(made.err)")
                    #expect(try database.dump(file) == dump, "\(point) from \(source)")
                }
            }
            let again = try database.tool("drift", "adopt")
            #expect(again.code == 2 && again.err.hasPrefix("error: ERR_UX_WRONG_STATE: "))
        }
    }

    @Test func notedDriftBecomesABatchBeforeTheNextOne() throws {
        try Self.withDrift("track") { database in
            let before = try database.dump()
            try database.sql(Self.write)
            try database.run("next", "INSERT INTO customers VALUES (50, 'Flo')")
            #expect(try database.json("list")["batches"]?.texts("batch").prefix(2) == ["next.1", "drift.1"])
            #expect(try database.json("points")["points"]?.texts("kind").suffix(2) == ["drift", "batch"])
            #expect(try database.tool("rollback", "--id", "next").code == 0)
            #expect(try database.tool("rollback", "--id", "drift").code == 0)
            #expect(try database.dump() == before)
            #expect(try database.tool("verify").code == 0)
        }
    }

    @Test(arguments: ["off", "track"]) func aChangedSchemaIsTakenBack(_ mode: String) throws {
        try Self.withDrift(mode) { database in
            let before = try database.dump()
            try database.sql("CREATE TABLE extra(a); INSERT INTO extra VALUES (1); DELETE FROM rates")
            let drift = try database.json("drift", "show")
            #expect(drift["schema_changed"] == true && drift["counts"]?["deleted"] == 3)
            let undone = try database.tool("drift", "undo")
            #expect(undone.code == 0, "\(undone.err)")
            #expect(try database.dump() == before)
            #expect(try database.tool("verify").code == 0)
            #expect(try database.json("guard", "show")["intact"] == true)
        }
    }

    @Test(
        arguments: ["off", "track"],
        [
            "ALTER TABLE rates ADD COLUMN note DEFAULT 'n'; UPDATE rates SET note = 'x'; DROP TRIGGER rounded",
            "CREATE TABLE extra(a INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE); INSERT INTO extra(b) VALUES (1), (2)",
            "DROP TABLE h; CREATE VIEW v AS SELECT 1; DELETE FROM rates", "UPDATE h SET v = 'c' WHERE oid = 3",
            "INSERT INTO h VALUES (0, 0, 0, 'd'); DELETE FROM h WHERE v = 'a'; CREATE INDEX hv ON h(v)",
            "UPDATE docs SET t = 'd' WHERE rowid = 1; CREATE VIRTUAL TABLE r USING rtree(id, a, b); INSERT INTO r VALUES (1, 2, 3)",
            "DROP TABLE docs; DROP TRIGGER rounded; CREATE TRIGGER rounded AFTER INSERT ON rates BEGIN SELECT 1; END",
        ])
    func driftOfAnyKindIsAdopted(_ mode: String, _ sql: String) throws {
        let schema =
            "CREATE TABLE h(rowid, _rowid_, oid, v); INSERT INTO h VALUES (7, 8, 9, 'a'), (1, 2, 3, 'b');"
            + "CREATE VIRTUAL TABLE docs USING fts5(t); INSERT INTO docs VALUES ('one'), ('two');"
        try SampleDatabase.with(schema + SampleDatabase.schema) { database in
            if mode != "off" { #expect(try database.tool("guard", "set", "--mode", mode).code == 0) }
            try database.run("before", "UPDATE rates SET factor = factor + 1")
            let before = try database.dump()
            try database.sql(sql)
            let drifted = try database.dump()
            let adopted = try database.tool("drift", "adopt")
            #expect(adopted.code == 0, "\(adopted.err)")
            #expect(try database.dump() == drifted, "\(sql)")
            #expect(try database.tool("verify").code == 0, "\(sql)")
            let undone = try database.tool("rollback", "--id", "drift.1")
            #expect(undone.code == 0, "\(undone.err)")
            #expect(try database.dump() == before, "\(sql)")
            #expect(try database.tool("rollback", "--id", "rollback.1").code == 0)
            #expect(try database.dump() == drifted, "\(sql)")
            let checked = try database.tool("verify")
            #expect(checked.code == 0, "\(checked.out)")
        }
    }

    /// What a module keeps is no row that `drift show` could list, and is as much a change as any other.
    @Test(arguments: [
        ("rtree(id, x0, x1)", "VALUES (1, 0, 1)", "UPDATE t SET x1 = 2", "UPDATE t SET x1 = 3"),
        ("rtree_i32(id, x0, x1)", "VALUES (1, 0, 1)", "UPDATE t SET x1 = 2", "UPDATE t SET x1 = 3"),
        ("fts5(x)", "VALUES ('a')", "UPDATE t SET x = 'b'", "UPDATE t SET x = 'c'"),
        ("fts4(x)", "VALUES ('a')", "UPDATE t SET x = 'b'", "UPDATE t SET x = 'c'"),
    ])
    func adoptedDriftOfAVirtualTableIsADependent(
        _ module: String, _ row: String, _ batch: String, _ drift: String
    ) throws {
        try SampleDatabase.with("CREATE VIRTUAL TABLE t USING \(module); INSERT INTO t \(row)") { database in
            let before = try database.dump()
            try database.run("one", batch)
            try database.sql(drift)
            let shown = try database.json("drift", "show")
            #expect(shown["drifted"] == true && shown["unlisted"] == ["t"] && shown["changes"] == [])
            #expect(try database.tool("drift", "show").out.contains("~ t: its content (rows are not listed)\n"))
            #expect(try database.tool("drift", "adopt").code == 0)
            #expect(try database.json("drift", "show")["drifted"] == false)
            let refused = try database.tool("rollback", "--id", "one")
            #expect(refused.code == 4 && refused.err.contains("ERR_DATA_DEPENDENTS"), "\(refused.err)")
            #expect(refused.err.contains("drift.1") || refused.out.contains("drift.1"), "\(refused.out)\(refused.err)")
            let undone = try database.tool("rollback", "--id", "one", "--mode", "cascade")
            #expect(undone.code == 0, "\(undone.err)")
            #expect(try database.dump() == before)
        }
    }

    @Test func newTablesAreGuardedAndOldOnesLeave() throws {
        try Self.withDrift("track") { database in
            try database.run(
                "shape", "CREATE TABLE extra(a, b); DROP TABLE rates; ALTER TABLE invoices DROP COLUMN note")
            try database.sql("INSERT INTO extra VALUES (1, 2)")
            let shown = try database.json("guard", "show")
            #expect(shown["intact"] == true && shown["tables"] == ["customers", "invoices", "extra"])
            #expect(shown["noted"] == [["table": "extra", "rows": 1]])
            #expect(try database.tool("drift", "undo").code == 0)
            #expect(try database.tool("rollback", "--id", "shape").code == 0)
            #expect(try database.json("guard", "show")["intact"] == true)
            #expect(try database.tool("verify").code == 0)
        }
    }

    @Test(arguments: [
        "sqlite3 \"$DB\" \"$SQL\"",
        "python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()' \"$DB\" \"$SQL\"",
    ])
    func anyClientIsNotedAndStopped(_ client: String) throws {
        try Self.withDrift("track") { database in
            let sql = "SQL=\"UPDATE invoices SET note = 'mine' WHERE id = 2\"; "
            #expect(try database.shell(sql + client).code == 0)
            #expect(try database.json("guard", "show")["noted"] == [["table": "invoices", "rows": 1]])
            #expect(try database.tool("drift", "adopt").code == 0)
            #expect(try database.tool("guard", "set", "--mode", "enforce").code == 0)
            let before = try database.dump()
            let stopped = try database.shell(sql + client)
            #expect(stopped.code != 0)
            #expect(stopped.err.contains("ERR_SECURITY_WRITE_OUTSIDE_GATEWAY: table invoices"))
            #expect(try database.dump() == before)
            try database.run("allowed", "UPDATE invoices SET note = 'ours' WHERE id = 2")
            #expect(try database.tool("rollback", "--id", "allowed").code == 0)
            #expect(try database.dump() == before)
            #expect(try database.tool("guard", "set", "--mode", "off").code == 0)
            #expect(try database.shell(sql + client).code == 0)
        }
    }

    @Test func vacuumDoesNotMisleadTheNotes() throws {
        let schema = "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z'), (4, 'w')"
        try SampleDatabase.with(schema) { database in
            try database.run("first", "DELETE FROM t WHERE a = 1")
            #expect(try database.tool("guard", "set", "--mode", "track").code == 0)
            try database.sql("UPDATE t SET b = 'mine' WHERE a = 3; VACUUM")
            #expect(try database.json("drift", "show")["tracked"] == false)
            let drifted = try database.dump()
            #expect(try database.tool("drift", "adopt").code == 0)
            #expect(try database.dump() == drifted)
            #expect(try database.tool("verify").code == 0)
            try database.run("next", "INSERT INTO t VALUES (9, 'n')")
            #expect(try database.json("guard", "show")["intact"] == true)
        }
    }

    @Test func aGateThatSomebodyOpenedIsNotTrusted() throws {
        try Self.withDrift("track") { database in
            try database.sql("INSERT INTO batchmgr_gate VALUES (1); UPDATE invoices SET note = 'mine' WHERE id = 2")
            let shown = try database.json("guard", "show")
            #expect(shown["forced_open"] == true && shown["noted"] == [])
            #expect(try database.tool("verify").out.contains("somebody holds the gate open"))
            #expect(try database.json("drift", "show")["drifted"] == true)
            try database.run("next", "INSERT INTO customers VALUES (50, 'Flo')")
            #expect(try database.json("guard", "show")["forced_open"] == false)
            #expect(try database.json("points")["points"]?.texts("kind").suffix(2) == ["drift", "batch"])
            #expect(try database.tool("verify").code == 0)
        }
    }

    @Test func theWorkspaceSaysHowItsDatabaseIsGuarded() throws {
        try SampleDatabase.with { database in
            let yaml = "databases:\n  main:\n    path: app.db\n    guard: MODE\n"
            let tool = "cd \"$(dirname \"$DB\")\"; printf '\(yaml.replacing("\n", with: "\\n"))' > batchmgr.yaml; "
            func run(_ mode: String, _ words: String) throws -> BuiltTool.Result {
                try database.shell(tool.replacing("MODE", with: mode) + "\"$TOOL\" " + words)
            }
            let first = try run("enforce", "run --id one --sql 'UPDATE invoices SET total = 1'")
            #expect(first.code == 0, "\(first.err)")
            #expect(try database.shell("sqlite3 \"$DB\" 'DELETE FROM rates'").code != 0)
            let refused = try run("enforce", "guard set --mode off")
            #expect(refused.code == 2 && refused.err.hasPrefix("error: ERR_UX_WRONG_STATE: batchmgr.yaml says"))
            #expect(try run("off", "run --id two --sql 'UPDATE invoices SET total = 2'").code == 0)
            #expect(try database.shell("sqlite3 \"$DB\" 'DELETE FROM rates'").code == 0)
        }
    }
}

/// A process that dies while it adopts drift leaves it drift, or adopted; the next command goes on from there.
@Suite struct DriftCrashTests {
    @Test(arguments: ["before-commit", "committed", "bak-written", "commit-written", "point-complete"])
    func adoptionIsAllOrNothing(_ place: String) throws {
        try DriftTests.withDrift("track") { database in
            let before = try database.dump()
            try database.sql(DriftTests.write)
            let drifted = try database.dump()
            #expect(try database.shell("BATCHMGR_KILL_AT=\(place) \"$TOOL\" --db \"$DB\" drift adopt").code == 137)
            #expect(try database.dump() == drifted)
            #expect(try database.shell("sqlite3 \"$DB\" 'SELECT count(*) FROM batchmgr_gate'").out == "0\n")
            try database.run("next", "INSERT INTO customers VALUES (50, 'Flo')")
            #expect(try database.json("list")["batches"]?.texts("batch").prefix(2) == ["next.1", "drift.1"])
            #expect(try database.tool("verify").code == 0)
            #expect(try database.tool("rollback", "--id", "drift").code == 0)
            #expect(try database.tool("rollback", "--id", "next").code == 0)
            #expect(try database.dump() == before)
        }
    }
}
