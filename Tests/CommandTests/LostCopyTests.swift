import TestSupport
import Testing

/// A `.bak` that a killed process could not complete never keeps the database from being used.
@Suite struct LostCopyTests {
    /// - Parameter damage: done to `$bak` after the process was killed before it had completed the file.
    @Test(arguments: ["rm \"$bak\"", "echo nothing >\"$bak\"", "truncate -s 5000 \"$bak\"", ": >\"$bak\""])
    func aCopyThatIsLostIsMadeAgain(damage: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "a", "--sql", "UPDATE items SET price = price + 1")
            let update = ["run", "--id", "c", "--sql", "UPDATE items SET qty = 0 WHERE id = 3"]
            #expect(try scene.tool(update, killAt: "batch-settled").code == 137)
            let copies = "backups/batch_manager/batch_c.1_*.bak"
            let file = try scene.shell("bak=$(ls \(copies)) && \(damage)")
            #expect(file.code == 0, "\(file.err)")
            let next = try scene.tool("run", "--id", "next", "--sql", "UPDATE items SET qty = 5 WHERE id = 1")
            #expect(next.code == 0, "\(next.err)")
            try scene.expectWhole(damage)
            try scene.expect(0, "restore", "--point", "c.1", "--source", "git", "--to", "c.db")
        }
    }

    /// The journal of a file whose completion was cut off.
    @Test func aHotJournalIsRolledBack() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "a", "--sql", "UPDATE items SET price = price + 1")
            let update = ["run", "--id", "c", "--sql", "UPDATE items SET qty = 0 WHERE id = 3"]
            #expect(try scene.tool(update, killAt: "batch-settled").code == 137)
            // A writer that is killed with a journal beside the file.
            let cut = """
                import os, sqlite3, sys, glob
                db = sqlite3.connect(glob.glob("backups/batch_manager/batch_c.1_*.bak")[0], isolation_level=None)
                db.execute("PRAGMA cache_size = 1"); db.execute("BEGIN")
                db.execute("DELETE FROM batchmgr_bak_block")
                db.execute("CREATE TABLE filler AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 9999) SELECT i, randomblob(90) FROM c")
                os.kill(os.getpid(), 9)
                """
            try scene.write("cut.py", cut)
            try scene.shell("python3 cut.py; ls backups/batch_manager/*-journal")
            try scene.expect(0, "run", "--id", "next", "--sql", "UPDATE items SET qty = 5 WHERE id = 1")
            try scene.expectWhole("after a cut in the middle")
            #expect(try scene.shell("ls backups/batch_manager | grep -c journal").out == "0\n")
        }
    }
}
