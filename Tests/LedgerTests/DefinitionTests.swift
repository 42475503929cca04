import TestSupport
import Testing

/// The text of a job is in the ledger once, however often it runs.
@Suite struct DefinitionTests {
    @Test func theTextOfAJobIsKeptOnceAndEveryBatchKeepsItsOwn() throws {
        try BadLuckScene.with(jobs: ["raise": "steps:\n  - {id: a, sql: UPDATE items SET qty = qty + 1}\n"]) { scene in
            for _ in 1...3 { try scene.expect(0, "run", "raise") }
            try scene.write(
                "catalog/raise.yaml",
                "id: raise\nversion: 2.0.0\nsteps:\n  - {id: other, sql: UPDATE items SET qty = qty + 5}\n")
            for _ in 4...5 { try scene.expect(0, "run", "raise") }
            let kept =
                "SELECT CASE WHEN definition LIKE '@%' THEN definition ELSE seq END FROM batchmgr_batches ORDER BY seq"
            #expect(try scene.sql(kept) == "1\n@1\n@1\n4\n@4")
            // Each shows its own, and is undone and drilled as before.
            for (batch, version) in [("raise.3", "1.0.0"), ("raise.5", "2.0.0")] {
                let shown = try scene.expect(0, "show", batch, "--json")
                #expect(shown.out.contains(version), "\(shown.out)")
            }
            try scene.expect(0, "rollback", "raise.2", "--mode", "replay")
            try scene.expect(0, "verify")
            // A ledger in which each batch has the text itself is read as before.
            try scene.sql(
                "UPDATE batchmgr_batches SET definition = (SELECT e.definition FROM batchmgr_batches e WHERE e.seq = 1) WHERE definition = '@1'"
            )
            try scene.expect(0, "show", "raise.3")
            try scene.expect(0, "rollback", "raise.1", "--mode", "cascade")
        }
    }
}
