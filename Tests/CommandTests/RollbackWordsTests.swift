import BatchCore
import TestSupport
import Testing

/// What people are told by a rollback.
struct RollbackWordsTests {
    private static let gold = """
        steps:
          - {id: more, sql: INSERT INTO log(what) VALUES('gold')}
        verify:
          - SELECT count(*) >= 3 FROM log WHERE what = 'gold'
        """

    private static let told = """
        steps:
          - {id: rows, sql: UPDATE items SET qty = 0}
          - id: tell
            exec: [sh, -c, 'echo did >> effects']
            undo: [sh, -c, 'echo undid >> effects']
        """

    private func seed(_ scene: BadLuckScene) throws {
        try scene.expect(0, "run", "--id", "seed", "--sql", "INSERT INTO log(what) VALUES('gold'), ('gold')")
    }

    @Test func aRollbackWhoseReportCannotBeWrittenIsDone() throws {
        try BadLuckScene.with { scene in
            try seed(scene)
            // No folder can be made where a file is.
            try scene.shell("touch backups/batch_manager/reports")
            let done = try scene.json("rollback", "--id", "seed")
            #expect(done["status"]?.string == "rolled_back", "\(done)")
            let warnings = done["warning_codes"]?.array?.compactMap(\.string) ?? []
            #expect(warnings.contains("WARN_PERF_REPORT_NOT_WRITTEN"), "\(done)")
            #expect(try scene.sql("SELECT count(*) FROM log WHERE what = 'gold'") == "0")
            try scene.expectWhole("after it")
        }
    }

    @Test func aVerifyQueryThatIsNotTrueOffersTheRollbackAndNoWayOn() throws {
        try BadLuckScene.with(jobs: ["gold": Self.gold]) { scene in
            let failed = try scene.expect(.verificationFailed, "run", "--id", "gold")
            #expect(failed.err.ranges(of: "rollback --id gold.1").count == 1, "\(failed.err)")
            #expect(!failed.err.contains("resume"), "\(failed.err)")
        }
    }

    @Test func aVerifyQueryIsNamedWithItsJobAndAskedOnlyWhileTheJobIsLive() throws {
        try BadLuckScene.with(jobs: ["gold": Self.gold]) { scene in
            try seed(scene)
            for _ in 0..<3 { try scene.expect(0, "run", "--id", "gold") }
            try scene.expect(0, "run", "--id", "less", "--sql", "DELETE FROM log WHERE id <= 2")
            let query = "verify query of job gold is not true"
            let third = try scene.expect(0, "rollback", "--id", "gold.3").out
            #expect(third.contains("\(query): SELECT count(*) >= 3 FROM log"), "\(third)")
            #expect(third.contains("verify queries WRONG"), "\(third)")
            let second = try scene.expect(0, "rollback", "--id", "gold.2").out
            #expect(second.contains("\(query), and was not true before the rollback: SELECT"), "\(second)")
            // Nothing of the job is left that the query could be about.
            let first = try scene.json("rollback", "--id", "gold.1")
            #expect(first["certificate"]?["verify_passed"] == .bool(true))
            #expect(first["warnings"]?.array?.isEmpty ?? true, "\(first)")
        }
    }

    @Test func aVerifyQueryThatCannotBeAskedDoesNotStopARollback() throws {
        let job = """
            steps:
              - {id: table, sql: CREATE TABLE IF NOT EXISTS made(a)}
              - {id: row, sql: INSERT INTO made VALUES(1)}
            verify: [SELECT count(*) > 0 FROM made]
            """
        try BadLuckScene.with(jobs: ["maker": job]) { scene in
            try scene.expect(0, "run", "--id", "maker")
            try scene.expect(0, "rollback", "--id", "maker")
            #expect(try scene.sql("SELECT count(*) FROM sqlite_schema WHERE name = 'made'") == "0")
        }
    }

    @Test func undoingARollbackSaysWhatIsNotDoneAgainOutside() throws {
        try BadLuckScene.with(jobs: ["told": Self.told]) { scene in
            try scene.expect(0, "run", "--id", "told")
            try scene.expect(0, "rollback", "--id", "told")
            let words =
                "step tell of told.1 was undone outside the database by rollback.1, and is not done again"
            let rehearsed = try scene.expect(0, "rollback", "--id", "rollback.1", "--dry-run").out
            #expect(rehearsed.contains(words), "\(rehearsed)")
            let done = try scene.expect(0, "rollback", "--id", "rollback.1").out
            #expect(done.contains(words), "\(done)")
            #expect(try scene.shell("cat effects").out == "did\nundid\n")
        }
    }

    @Test func aDryRunLeavesNoLog() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "multi")
            let document = try scene.json("rollback", "--id", "multi", "--dry-run")
            #expect(document["log"] == nil || document["log"] == .null)
            try scene.expect(0, "rollback", "--id", "multi", "--plan-out", "plan.json")
            #expect(try scene.shell("ls backups/batch_manager | grep -c '^rollback_' || true").out == "0\n")
            let done = try scene.json("rollback", "--id", "multi")
            #expect(done["log"]?.string?.contains("/rollback_multi.1_") == true)
        }
    }

    @Test func aNameTypedTwiceDoesNotUndoTwoNights() throws {
        try BadLuckScene.with(jobs: ["gold": Self.gold]) { scene in
            try seed(scene)
            for _ in 0..<3 { try scene.expect(0, "run", "--id", "gold") }
            try scene.expect(0, "rollback", "--id", "gold")
            let again = try scene.expect(.wrongState, "rollback", "--id", "gold").err
            #expect(again.contains("gold.3 is rolled back already; the one before is gold.2"), "\(again)")
            #expect(again.contains("rollback --id gold.2"), "\(again)")
            #expect(try scene.status("gold.2") == "committed")
            try scene.expect(0, "rollback", "--id", "gold.2")
            try scene.expect(0, "rollback", "--id", "gold.1")
            #expect(try scene.expect(.wrongState, "rollback", "--id", "gold").err.contains("every batch of gold"))
        }
    }

    @Test func aBatchThatIsUndoneInPartSaysByWhatAndHowToGoOn() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "multi")
            try scene.sql("UPDATE items SET qty = 99 WHERE id = 1")
            try scene.expect(0, "rollback", "--id", "multi", "--on-conflict", "keep")
            #expect(try scene.status("multi.1") == "partially_rolled_back")
            let again = try scene.expect(.wrongState, "rollback", "--id", "multi.1", "--on-conflict", "overwrite").err
            #expect(again.contains("multi.1 was undone in part by rollback.1"), "\(again)")
            #expect(again.contains("rollback --id rollback.1"), "\(again)")
            try scene.expect(0, "rollback", "--id", "rollback.1")
            try scene.expect(0, "rollback", "--id", "multi.1", "--on-conflict", "overwrite")
            #expect(try scene.status("multi.1") == "rolled_back")
        }
    }

    @Test func aBatchThatIsUndoneSaysByWhat() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "multi")
            try scene.expect(0, "rollback", "--id", "multi.1")
            let again = try scene.expect(.wrongState, "rollback", "--id", "multi.1").err
            #expect(again.contains("rolled back already, by rollback.1"), "\(again)")
        }
    }

    /// The rows are shown with the refusal; its hint says what to do about them.
    @Test(arguments: [["rollback", "--id", "close"], ["rollback", "--id", "reprice", "--mode", "cascade"]])
    func bothWaysOnOfAConflictCanBeTyped(words: [String]) throws {
        try SampleDatabase.withBatches { database in
            try database.sql("UPDATE invoices SET note = 'mine' WHERE id = 1")
            let refused = try database.tool(words)
            #expect(refused.code == 4, "\(refused.err)")
            let hint = try #require(refused.err.split(separator: "\n").last { $0.hasPrefix("hint: ") })
            let commands = hint.split(separator: ";").compactMap { part in
                part.firstRange(of: "batchmgr ").map { String(part[$0.upperBound...]) }
            }
            #expect(commands.map { $0.hasSuffix("keep") } == [true, false], "\(hint)")
            #expect(commands.allSatisfy { $0.contains("--mode cascade") == words.contains("cascade") }, "\(hint)")
            for command in commands {
                let done = try database.shell("exec \"$TOOL\" \(command) --dry-run")
                #expect(done.code == 0, "\(command): \(done.err)")
            }
        }
    }
}
