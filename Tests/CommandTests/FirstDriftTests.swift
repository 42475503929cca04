import BatchCore
import TestSupport
import Testing

/// The ledger is there, and no batch has changed anything yet: git alone has the state that others change.
@Suite struct FirstDriftTests {
    private static let theirs = [
        "UPDATE items SET qty = 77 WHERE id = 2",
        "DELETE FROM items WHERE id = 3; INSERT INTO items(id, qty) VALUES(88, 1)",
        "CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1)",
    ]
    private static let ours = ["run", "--id", "real", "--sql", "UPDATE items SET price = price + 1 WHERE id = 1"]

    /// What makes a ledger and changes no row.
    private static let beginnings: [(words: [String], code: Int32)] = [
        (["run", "--id", "look", "--sql", "SELECT 1"], 0),
        (["run", "--id", "wrong", "--sql", "UPDATE items SET missing = 1"], 1),
        (["guard", "set", "--mode", "track"], 0),
    ]

    @Test(arguments: Self.theirs, Self.beginnings)
    func whatOthersChangeBeforeTheFirstChangeOfABatchCanBeUndone(
        sql: String, beginning: (words: [String], code: Int32)
    ) throws {
        try BadLuckScene.with { scene in
            try scene.expect(beginning.code, beginning.words)
            let before = try scene.dump()
            try scene.sql(sql)
            let drifted = try scene.dump()
            let said = try scene.expect(0, Self.ours)
            #expect(said.err.contains("that change is kept as drift.1"), "\(said.err)")
            try scene.expectWhole("")
            for source in ["git", "bak"] {
                for (point, state) in [("drift.1^", before), ("drift.1", drifted)] {
                    try scene.expect(0, "restore", "--point", point, "--source", source, "--to", "\(source)\(point).db")
                    #expect(try scene.dump("\(source)\(point).db") == state, "\(source) \(point)")
                }
            }
            try scene.expect(0, "rollback", "real")
            try scene.expect(0, "rollback", "drift.1")
            #expect(try scene.dump() == before)
            try scene.expectWhole("after the rollback")
            try scene.expect(0, "drill")
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

    /// Between their change and our first one, at every place that the engine names.
    @Test(arguments: [(Self.theirs[0], "delete"), (Self.theirs[2], "delete"), (Self.theirs[1], "wal")])
    func aKillOnTheWayLosesNeitherTheirChangeNorTheWayBack(sql: String, journal: String) throws {
        var place = 1
        while true {
            let survived = try BadLuckScene.with(journal: journal) { scene in
                try scene.expect(0, "run", "--id", "look", "--sql", "SELECT 1")
                let before = try scene.dump()
                try scene.sql(sql)
                let drifted = try scene.dump()
                let result = try scene.tool(Self.ours, killAt: "\(place)")
                if result.code != 137 {
                    #expect(result.code == 0, "\(result.err)")
                    return true
                }
                let note = "killed at place \(place)"
                // Whatever was done by then is there, and nothing else.
                try scene.expect(0, "list", note: note)
                let ran = try scene.sql("SELECT count(*) FROM batchmgr_batches WHERE batch = 'real.1' AND updated > 0")
                if ran == "0" { #expect(try scene.dump() == drifted, "\(note)") }
                if ran == "0" { try scene.expect(0, Self.ours + ["--anew"], note: note) }
                try scene.expectWhole(note)
                #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches WHERE job = 'drift'") == "1", "\(note)")
                try scene.expect(0, "rollback", "real", note: note)
                #expect(try scene.dump() == drifted, "\(note)")
                try scene.expect(0, "rollback", "drift.1", note: note)
                #expect(try scene.dump() == before, "\(note)")
                try scene.expectWhole(note)
                return false
            }
            if survived { break }
            place += 1
        }
        #expect(place > 15, "only \(place - 1) places to be killed at")
    }
}
