import BatchCore
import TestSupport
import Testing

/// What changed nothing makes no restore point, and what was written is told apart from what changed.
@Suite struct NothingChangedTests {
    private static func points(_ scene: BadLuckScene) throws -> (recorded: Int, files: String) {
        let points = try scene.json("points")["points"]?.array?.count ?? 0
        return (points, try scene.shell("ls backups/batch_manager | grep -c '[.]bak$'").out)
    }

    @Test(arguments: [
        "UPDATE items SET qty = qty", "SELECT count(*) FROM items", "DELETE FROM items WHERE id = 900",
    ])
    func noPointIsMadeOfWhatChangedNothing(sql: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET qty = qty + 1")
            let before = try Self.points(scene)
            let dump = try scene.dump()
            let report = try scene.json("run", "--id", "same", "--sql", sql)
            #expect(report["restore_point"] == .null && report["rows_changed"] == 0, "\(report)")
            #expect(try scene.json("show", "same")["rows_changed"] == 0)
            #expect(try Self.points(scene) == before)
            try scene.expect(0, "restore", "--point", "same.1", "--to", "same.db")
            #expect(try scene.json("diff", "same")["changes"]?.array?.isEmpty == true)
            let undone = try scene.json("rollback", "same")
            #expect(undone["rollback"] == "rollback.1" && undone["restore_point"] == .null, "\(undone)")
            #expect(try Self.points(scene) == before)
            try scene.expect(0, "rollback", "rollback.1")
            #expect(try Self.points(scene) == before)
            #expect(try scene.dump() == dump)
            try scene.expectWhole("after \(sql)")
            // The chain of copies goes on.
            try scene.expect(0, "run", "--id", "next", "--sql", "UPDATE items SET qty = qty + 1")
            try scene.expect(0, "restore", "--point", "next.1", "--source", "bak", "--to", "next.db")
            try scene.expect(0, "rollback", "first", "--mode", "cascade")
        }
    }

    /// Each statement changes rows, and the last one brings them back.
    @Test(arguments: [
        "UPDATE items SET qty = qty + 1; UPDATE items SET qty = qty - 1",
        "INSERT INTO items(id, qty) VALUES(900, 1); DELETE FROM items WHERE id = 900",
    ])
    func whatEndsWhereItBeganHasChangedNothing(sql: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET qty = qty + 1")
            let before = try Self.points(scene)
            let report = try scene.json("run", "--id", "same", "--sql", sql)
            #expect(report["restore_point"] == .null && report["rows_changed"] == 0, "\(report)")
            #expect(try scene.expect(0, "show", "same").out.contains("; nothing changed"))
            #expect(try Self.points(scene) == before)
            let dump = try scene.dump()
            let undone = try scene.json("rollback", "same")
            #expect(undone["restore_point"] == .null, "\(undone)")
            #expect(try Self.points(scene) == before)
            try scene.expect(0, "rollback", "rollback.1", "--source", "git")
            try scene.expect(0, "rollback", "rollback.2", "--source", "bak")
            #expect(try Self.points(scene) == before)
            #expect(try scene.dump() == dump)
            try scene.expect(0, "drill")
            try scene.expectWhole("after \(sql)")
        }
    }

    /// Its rows are as they were only because of the batch before: without that one it would have changed them.
    @Test(arguments: ["UPDATE items SET qty = 7", "UPDATE items SET qty = qty + 1; UPDATE items SET qty = 7"])
    func whatLeftRowsAsItFoundThemStillDependsOnTheBatchBefore(sql: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET qty = 7")
            #expect(try scene.json("run", "--id", "same", "--sql", sql)["rows_changed"] == 0)
            let refused = try scene.expect(4, "rollback", "first")
            #expect(refused.err.contains("same.1  wrote the same rows (row items "), "\(refused)")
            try scene.expect(0, "rollback", "first", "--mode", "replay")
            #expect(try scene.sql("SELECT DISTINCT qty FROM items") == "7")
            #expect(try scene.json("show", "same.2")["rows_changed"] != 0)
            try scene.expectWhole("after \(sql)")
        }
    }

    /// Git alone has what drifted: the copy of the rollback stays.
    @Test func theCopyOfARollbackAfterAForeignChangeStays() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET qty = qty + 1")
            let twice = "UPDATE items SET qty = qty + 1; UPDATE items SET qty = qty - 1"
            try scene.expect(0, "run", "--id", "same", "--sql", twice)
            try scene.sql("CREATE TABLE other(a); INSERT INTO other VALUES(1)")
            try scene.expect(0, "rollback", "same")
            try scene.expect(0, "run", "--id", "next", "--sql", "UPDATE items SET qty = qty + 1")
            try scene.expect(0, "restore", "--point", "next.1", "--source", "bak", "--to", "next.db")
            #expect(try scene.sql("SELECT a FROM other", in: "next.db") == "1")
            try scene.expect(0, "drill")
            try scene.expectWhole("")
        }
    }

    @Test func aWholeCopyForWhatChangedNothingDoesNotStay() throws {
        try BadLuckScene.with { scene in
            let report = try scene.json("run", "--id", "same", "--sql", "UPDATE items SET qty = qty")
            #expect(report["restore_point"] == .null, "\(report)")
            #expect(try Self.points(scene).files == "0\n")
            try scene.expect(0, "rollback", "same")
            #expect(try Self.points(scene).files == "0\n")
            try scene.expectWhole("")
        }
    }

    @Test func rowsWrittenAndRowsChangedAreTwoNumbers() throws {
        try BadLuckScene.with { scene in
            let rows = try Int(scene.sql("SELECT count(*) FROM items")) ?? 0
            try scene.sql("UPDATE items SET qty = 5 WHERE id = 1")
            try scene.sql("UPDATE items SET qty = 4 WHERE id > 1")
            let update = ["run", "--id", "set", "--sql", "UPDATE items SET qty = 5"]
            let told = "\(rows) rows: \(rows) updated; \(rows - 1) rows changed"
            #expect(try scene.expect(0, update + ["--dry-run"]).out.contains(told))
            let tried = try JSONParser.parse(try scene.tool(update + ["--dry-run", "--json"]).out)
            #expect(tried["rows"]?["updated"]?.integer == Int64(rows), "\(tried)")
            #expect(tried["rows_changed"]?.integer == Int64(rows - 1), "\(tried)")
            #expect(try scene.expect(0, update).out.contains(told))
            for document in [
                try JSONParser.parse(try scene.tool(update + ["--json"]).out), try scene.json("show", "set.2"),
            ] {
                #expect(document["rows"]?["updated"]?.integer == Int64(rows), "\(document)")
                #expect(document["rows_changed"]?.integer == 0, "\(document)")
            }
            #expect(try scene.expect(0, "show", "set.1").out.contains(told))
            #expect(try scene.expect(0, "show", "set.2").out.contains("; nothing changed"))
        }
    }

    /// Their digest is the same, and copies that follow name the new numbers.
    @Test(arguments: ["DELETE FROM t WHERE a = 1; INSERT INTO t VALUES(1, 'x')", "UPDATE t SET rowid = 9 WHERE a = 1"])
    func rowsThatOnlyGotOtherNumbersHaveAPoint(_ sql: String) throws {
        try BadLuckScene.with { scene in
            try scene.sql("CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'x'), (2, 'y'), (3, 'z')")
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE t SET b = 'q' WHERE a = 3")
            let report = try scene.json("run", "--id", "numbers", "--sql", sql)
            #expect(report["restore_point"] != .null, "\(report)")
            try scene.expect(0, "run", "--id", "next", "--sql", "UPDATE t SET b = 'w' WHERE a = 1")
            let rows = "SELECT group_concat(rowid || a || b) FROM (SELECT rowid, * FROM t ORDER BY a)"
            for source in ["git", "bak"] {
                let file = "\(source).db"
                try scene.expect(0, "restore", "--point", "next.1", "--source", source, "--to", file)
                #expect(try scene.sql(rows, in: file) == scene.sql(rows))
            }
            try scene.expect(0, "drill")
            try scene.expectWhole("after \(sql)")
        }
    }

    /// A full-text index writes a part of its rows at the end of a checkpoint: they count everywhere.
    @Test func whatAFullTextIndexWritesLastIsCounted() throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                """
                CREATE TABLE notes(id INTEGER PRIMARY KEY, t); INSERT INTO notes VALUES(1, 'one two'), (2, 'three');
                CREATE VIRTUAL TABLE f USING fts5(t, content='notes', content_rowid='id');
                """)
            for statement in [
                "INSERT INTO f(f) VALUES('rebuild')", "INSERT INTO f(f, rowid, t) VALUES('delete', 2, 'three')",
                "INSERT INTO f(f) VALUES('optimize')",
            ] {
                let words = ["run", "--id", "index", "--sql", statement, "--json"]
                let said = try JSONParser.parse(try scene.expect(0, words + ["--dry-run"]).out)
                let done = try JSONParser.parse(try scene.expect(0, words + ["--anew"]).out)
                #expect(said["rows"] == done["rows"], "\(statement)")
                let kept = try scene.sql(
                    """
                    SELECT b.inserted || ' ' || b.updated || ' ' || b.deleted = sum(c.inserted) || ' ' || sum(c.updated) || ' '
                    || sum(c.deleted) FROM batchmgr_batches b JOIN batchmgr_checkpoints c ON c.batch = b.seq
                    WHERE b.batch = '\(done["batch"]?.string ?? "")'
                    """)
                #expect(kept == "1", "\(statement)")
            }
        }
    }
}
