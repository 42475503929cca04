import BatchCore
import TestSupport
import Testing

/// What half a job leaves, and what people are told about it.
@Suite struct HalfDoneTests {
    /// Ten items in chunks of three; the eighth fails while there is a row in `gate`.
    private static let raise = """
        steps:
          - id: a
            for_each: SELECT id AS k FROM line ORDER BY id
            chunk: 3
            sql: UPDATE line SET n = n + 10 / (:k <> 8 OR (SELECT open FROM gate)) WHERE id = :k
        """

    private static let tables = """
        CREATE TABLE line(id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
        INSERT INTO line SELECT value, 100 FROM json_each('[1,2,3,4,5,6,7,8,9,10]');
        CREATE TABLE gate(open); INSERT INTO gate VALUES(0);
        """

    private func scene(_ jobs: [String: String] = ["raise": raise], _ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with(jobs: jobs) { scene in
            try scene.sql(HalfDoneTests.tables)
            try body(scene)
        }
    }

    @Test func aFailureSaysWhatStaysAndBothWaysOn() throws {
        try scene { scene in
            let failed = try scene.tool("run", "--id", "raise")
            #expect(failed.code == 1)
            #expect(failed.err.contains("item 8 of 10"), "\(failed.err)")
            #expect(failed.err.contains("; 6 rows of 2 checkpoints stay"))
            #expect(failed.err.contains("batchmgr resume --id raise.1"))
            #expect(failed.err.contains("batchmgr rollback --id raise.1"))
            #expect(!failed.err.contains("nothing of it was kept"))
            let again = try scene.tool("run", "--id", "raise")
            #expect(again.code == 2)
            #expect(again.err.contains("raise.1 is failed"))
            #expect(again.err.contains("--anew"))
            // A dry run would show the whole job, of which a run does not do a part again.
            let tried = try scene.expect(.wrongState, "run", "--id", "raise", "--dry-run")
            #expect(tried.err.contains("batchmgr resume --id raise.1 --dry-run"), "\(tried.err)")
            try scene.sql("UPDATE gate SET open = 1")
            let rest = try scene.json("resume", "--id", "raise.1", "--dry-run")
            #expect(rest["rows"]?["updated"] == 4, "\(rest)")
            let all = try scene.json("run", "--id", "raise", "--anew", "--dry-run")
            #expect(all["rows"]?["updated"] == 10, "\(all)")
            try scene.expect(0, "resume", "--id", "raise.1")
            #expect(try scene.sql("SELECT count(DISTINCT n), min(n) FROM line") == "1|110")
            #expect(try scene.json("run", "--id", "raise", "--dry-run")["rows"]?["updated"] == 10)
        }
    }

    @Test func nothingIsKeptOfAFailureBeforeTheFirstCheckpoint() throws {
        try scene { scene in
            let failed = try scene.tool("run", "--id", "one", "--sql", "UPDATE line SET n = NULL")
            #expect(failed.err.contains("; nothing of it was kept"), "\(failed.err)")
            try scene.expect(0, "run", "--id", "one", "--sql", "UPDATE line SET n = 1")
        }
    }

    @Test func aBatchThatALaterOneHasOvertakenDoesNotGoOn() throws {
        try scene { scene in
            try scene.expect(1, "run", "--id", "raise")
            try scene.sql("UPDATE gate SET open = 1")
            try scene.expect(0, "run", "--id", "raise", "--anew")
            let resumed = try scene.tool("resume", "--id", "raise.1")
            #expect(resumed.code == 2)
            #expect(resumed.err.contains("raise.2 has run since raise.1 stopped"), "\(resumed.err)")
            let status = try scene.expect(0, "status").out
            #expect(status.contains("raise.1; raise.2 has run since"), "\(status)")
            #expect(status.contains("rollback --id raise.1") && !status.contains("resume"), "\(status)")
            // The latest batch stands, so the job may run again.
            try scene.expect(0, "run", "--id", "raise")
        }
    }

    @Test func aKeyIsOneOfAJobAndATenant() throws {
        try scene { scene in
            let sql = "UPDATE line SET n = n + 1"
            try scene.expect(0, "run", "--id", "nightly", "--key", "2026-11-26", "--sql", sql)
            try scene.expect(0, "run", "--id", "other", "--key", "2026-11-26", "--sql", sql)
            try scene.expect(0, "run", "--id", "nightly", "--key", "2026-11-26", "--sql", sql)
            #expect(try scene.sql("SELECT min(n) FROM line") == "102")
        }
    }

    @Test func theNameOfAJobUndoesItsLatestBatchAlone() throws {
        try scene { scene in
            for _ in 1...3 { try scene.expect(0, "run", "--id", "raise", "--sql", "UPDATE line SET n = n + 1") }
            try scene.expect(0, "rollback", "--id", "raise")
            let twice = try scene.tool("rollback", "--id", "raise")
            #expect(twice.code == 2)
            #expect(twice.err.contains("raise.3 is rolled back already; the one before is raise.2"), "\(twice.err)")
            #expect(twice.err.contains("batchmgr rollback --id raise.2"))
            #expect(try scene.sql("SELECT min(n) FROM line") == "102")
        }
    }

    @Test func aFailedCheckShowsSomeOfItsRowsAndKeepsThemOutOfTheRecord() throws {
        let job = "steps:\n  - {id: c, check: 'SELECT id, n FROM line WHERE n = 100'}"
        try scene(["sane": job]) { scene in
            let failed = try scene.tool("run", "--id", "sane")
            #expect(failed.err.contains("check c of sane.1 found 10 rows (id, n)"), "\(failed.err)")
            #expect(failed.err.contains("found by check c:\nid  n\n1   100\n"), "\(failed.err)")
            #expect(failed.err.contains("and 5 more rows"))
            #expect(try scene.sql("SELECT error FROM batchmgr_batches").contains("100") == false)
        }
    }

    @Test func programsAreLookedForBeforeAnythingChanges() throws {
        let job = "steps:\n  - {id: a, sql: UPDATE line SET n = 0}\n  - {id: b, exec: [scripts/nope]}"
        try scene(["job": job]) { scene in
            let failed = try scene.tool("run", "--id", "job")
            #expect(failed.code == 1)
            #expect(failed.err.contains("step b: the program 'scripts/nope' does not exist"), "\(failed.err)")
            #expect(try scene.sql("SELECT min(n) FROM line") == "100")
            #expect(try scene.status("job.1") == nil)
        }
    }

    @Test func aResumedBatchSaysThatItsDefinitionIsPinned() throws {
        try scene { scene in
            try scene.expect(1, "run", "--id", "raise")
            try scene.sql("UPDATE gate SET open = 1")
            try scene.write("catalog/raise.yaml", "id: raise\nversion: 1.1.0\n\(HalfDoneTests.raise)")
            let resumed = try scene.tool("resume", "--id", "raise.1")
            #expect(resumed.code == 0)
            #expect(resumed.err.contains("raise.1 continues with the definition it began with (version 1.0.0)"))
            #expect(resumed.err.contains("batchmgr rollback --id raise.1, then batchmgr run --id raise"))
        }
    }

    @Test func aBrokenFileStopsItsOwnJobAlone() throws {
        try scene(["raise": HalfDoneTests.raise, "draft": "steps: ["]) { scene in
            try scene.sql("UPDATE gate SET open = 1")
            try scene.expect(0, "run", "--id", "raise")
            let list = try scene.tool("catalog", "list")
            #expect(list.code == 0)
            #expect(list.out.contains("1 mistake in catalog/draft.yaml"), "\(list.out)")
            try scene.expect(2, "run", "--id", "draft")
        }
    }
}

/// Statements that other tools write around and between the changes.
@Suite struct ScriptTests {
    @Test(
        arguments: [
            "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE n(a);\nINSERT INTO n VALUES(1);\nCOMMIT;",
            "-- migration 7\nPRAGMA foreign_keys=OFF;\nCREATE TABLE n(a);INSERT INTO n VALUES(1);\nPRAGMA foreign_keys=ON;",
            "PRAGMA legacy_alter_table=ON; CREATE TABLE o(a); INSERT INTO o VALUES(1); ALTER TABLE o RENAME TO n;",
            "PRAGMA recursive_triggers=ON; PRAGMA defer_foreign_keys=1; CREATE TABLE n(a); INSERT INTO n VALUES(1)",
        ])
    func aScriptRunsAsItIsAndIsUndone(sql: String) throws {
        try BadLuckScene.with { scene in
            let before = try scene.dump()
            try scene.write("m.sql", sql)
            try scene.expect(0, "run", "--id", "m", "--file", "m.sql")
            #expect(try scene.sql("SELECT a FROM n") == "1")
            try scene.expect(0, "rollback", "--id", "m.1")
            #expect(try scene.dump() == before)
        }
    }

    @Test(arguments: [
        ("UPDATE items SET qty = 0; PRAGMA foreign_keys=OFF; UPDATE items SET qty = 1", "between changes"),
        ("BEGIN; UPDATE items SET qty = 0; COMMIT; UPDATE items SET qty = 1", "transaction already"),
        ("UPDATE items SET qty = 0; VACUUM", "batchmgr vacuum"),
    ])
    func whatNoTransactionCanHoldIsRefused(sql: String, words: String) throws {
        try BadLuckScene.with { scene in
            let refused = try scene.tool("run", "--id", "m", "--sql", sql)
            #expect(refused.code != 0)
            #expect(refused.err.contains(words), "\(refused.err)")
            #expect(try scene.sql("SELECT count(*) FROM items WHERE qty <> id") == "0")
        }
    }

    @Test func anErrorNamesTheStatementAndItsLine() throws {
        try BadLuckScene.with { scene in
            try scene.write("m.sql", "CREATE TABLE n(a);\n\nINSERT INTO n\nVALUES(1, 2);\n")
            let failed = try scene.tool("run", "--id", "m", "--file", "m.sql")
            #expect(failed.err.contains("statement 2, line 3: "), "\(failed.err)")
        }
    }

    @Test func aFileMayBeLargerThanAMegabyte() throws {
        try BadLuckScene.with { scene in
            let rows = (1...30_000).map { "INSERT INTO n VALUES(\($0), 'row number \($0)');\n" }.joined()
            try scene.write("m.sql", "CREATE TABLE n(a, b);\n" + rows)
            try scene.expect(0, "run", "--id", "m", "--file", "m.sql")
            #expect(try scene.sql("SELECT count(*) FROM n") == "30000")
            try scene.expect(0, "rollback", "--id", "m.1")
        }
    }
}
