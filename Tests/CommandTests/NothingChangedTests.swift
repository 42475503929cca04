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
        "UPDATE items SET qty = qty", "SELECT count(*) FROM items",
        "UPDATE items SET qty = qty + 1; UPDATE items SET qty = qty - 1",
        "INSERT INTO items(id, qty) VALUES(900, 1); DELETE FROM items WHERE id = 900",
    ])
    func noPointIsMadeOfWhatChangedNothing(sql: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET qty = qty + 1")
            let before = try Self.points(scene)
            let dump = try scene.dump()
            let report = try scene.json("run", "--id", "same", "--sql", sql)
            #expect(report["restore_point"] == .null, "\(report)")
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

    // MARK: Changes of others

    /// The ledger is there, and no batch has changed anything yet: git alone has the state that they changed.
    @Test(arguments: [
        "UPDATE items SET qty = 77 WHERE id = 2",
        "DELETE FROM items WHERE id = 3; INSERT INTO items(id, qty) VALUES(88, 1)",
        "CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1)",
    ])
    func whatOthersChangeBeforeTheFirstChangeOfABatchCanBeUndone(sql: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "look", "--sql", "SELECT 1")
            let before = try scene.dump()
            try scene.sql(sql)
            let drifted = try scene.dump()
            let said = try scene.expect(
                0, "run", "--id", "real", "--sql", "UPDATE items SET qty = qty + 1 WHERE id = 1")
            #expect(said.err.contains("drift.1") || said.out.contains("drift.1"), "\(said.err)\(said.out)")
            try scene.expectWhole("")
            for source in ["git", "bak"] {
                for (point, state) in [("drift.1^", before), ("drift.1", drifted)] {
                    try scene.expect(0, "restore", "--point", point, "--source", source, "--to", "\(source)\(point).db")
                    #expect(try scene.dump("\(source)\(point).db") == state, "\(source) \(point)")
                }
            }
            try scene.expect(0, "rollback", "drift.1")
            try scene.expect(0, "rollback", "real")
            #expect(try scene.dump() == before)
            try scene.expectWhole("after the rollback")
        }
    }

    @Test func twoChangesOfOthersInARowCanBeUndoneEach() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "look", "--sql", "SELECT 1")
            for (batch, row) in [("drift.1", 2), ("drift.2", 3)] {
                try scene.sql("UPDATE items SET qty = 70 WHERE id = \(row)")
                try scene.expect(0, "run", "--id", "look", "--sql", "SELECT 1")
                #expect(try scene.json("list")["batches"]?.array?.contains { $0["batch"]?.string == batch } == true)
            }
            try scene.expect(0, "rollback", "drift.1")
            #expect(try scene.sql("SELECT qty FROM items WHERE id = 3") == "70")
            try scene.expectWhole("")
        }
    }
}
