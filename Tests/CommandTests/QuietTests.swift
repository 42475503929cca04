import BatchCore
import BatchLedger
import TestSupport
import Testing

/// What is as it should be is no reason to say anything.
@Suite struct QuietTests {
    @Test func whatIsRestoredFromGitBecauseItsFileWasPrunedIsNoWarning() throws {
        try BadLuckScene.with { scene in
            for _ in 0..<4 { try scene.expect(0, "run", "--id", "one", "--sql", "UPDATE items SET qty = qty + 1") }
            try scene.expect(0, "prune", "--keep-last", "1", "--yes")
            for point in ["one.1", "one.1^"] {
                let restored = try scene.expect(0, "restore", "--point", point, "--to", "\(point).db")
                #expect(restored.err == "", "\(point)")
                #expect(
                    restored.out.contains("rebuilt from git") && !restored.out.contains("warning"), "\(restored.out)")
            }
            // A file that somebody else has removed is one.
            try scene.shell("rm backups/batch_manager/*.bak")
            let lost = try scene.expect(0, "restore", "--point", "one.4", "--to", "lost.db")
            #expect((lost.out + lost.err).contains("the .bak copy was not used"), "\(lost.out)\(lost.err)")
        }
    }

    @Test func aQuietCheckSpeaksOfTroubleAlone() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "one", "--sql", "UPDATE items SET qty = qty + 1")
            #expect(try scene.expect(0, "check").out == "BATCHMGR OK - all is well\n")
            let quiet = try scene.expect(0, "check", "--quiet")
            #expect(quiet.out == "" && quiet.err == "")
            try scene.expect(0, "switch", "set", "safe_mode", "on", "--reason", "test")
            #expect(try scene.expect(1, "check", "--quiet").out.contains("safe mode"))
        }
    }

    /// A row of the notes each; in quadratic time this takes minutes.
    @Test func manyNotesOfTheGuardAreReadAtOnce() throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                "CREATE TABLE many(id INTEGER PRIMARY KEY, n); INSERT INTO many SELECT value, 0 FROM generate_series(1, 60000)"
            )
            try scene.expect(0, "guard", "set", "--mode", "track")
            try scene.sql("UPDATE many SET n = 1")
            let start = ContinuousClock.now
            #expect(try scene.expect(0, "guard", "show").out.contains("60,000"))
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }
}
