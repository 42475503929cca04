import BatchCore
import TestSupport
import Testing

/// No level-2 apply without snapshot, dry run and rehearsed rollback.
@Suite struct LevelTwoTests {
    @Test func itRunsBehindASnapshotADryRunAndARehearsedRollback() throws {
        try GovernedScene.with(configuration: "    snapshot: delta\n") { scene in
            try scene.tool(0, "run", "--id", "plain")
            let before = try scene.base.dump()
            let report = try scene.json("run", "--id", "two")
            #expect(report["status"]?.string == "committed")
            #expect(report["restore_point"]?["bak_kind"]?.string == "full")
            let bak = try #require(report["restore_point"]?["bak"]?.string)
            #expect(try scene.base.sql("PRAGMA integrity_check", in: bak) == "ok")
            let rehearsal = try JSONParser.parse(TextFile.read(try #require(report["rehearsal"]?.string)))
            #expect(rehearsal["ok"]?.bool == true)
            #expect(rehearsal["dry_run"]?["rows"] == report["rows"])
            #expect(rehearsal["dry_run"]?["changes"]?.array?.count == 8)
            #expect(rehearsal["rollback"]?["state_before"] == rehearsal["rollback"]?["state_after_undo"])
            let checklist = try JSONParser.parse(TextFile.read(try #require(report["checklist"]?.string)))
            let names = checklist["checks"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(names == ["digests", "verify queries", "foreign keys", "integrity", ".bak", "git"])
            #expect(checklist["ok"]?.bool == true)
            #expect(
                try scene.audit() == ["run committed", "rehearse passed", "run committed", "checklist passed"])
            try scene.tool(0, "rollback", "--id", "two")
            #expect(try scene.base.dump() == before)
        }
    }

    /// Places, in their order, of a run that is killed.
    @Test(arguments: [
        "ledger-created", "copied-for-rehearsal", "copy-committed", "rehearsed", "rehearsal-kept", "full-written",
        "batch-begun", "begun",
        "worked", "before-commit", "committed", "batch-settled", "bak-written", "commit-written",
    ])
    func whereverItIsKilledNothingIsAppliedWithoutThem(_ place: String) throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.tool(137, killAt: place, "run", "--id", "two")
            if try scene.base.hasLedger() { try scene.tool(0, "list") }
            if try scene.base.dump() != before {
                #expect(try scene.audit().contains("rehearse passed"))
                #expect(try scene.reports("rehearsal").first?["rollback"]?["rehearsed"]?.bool == true)
                #expect(try scene.base.sql("SELECT bak_kind FROM batchmgr_points WHERE kind = 'batch'") == "full")
            }
            let batch = try scene.base.status("two.1")
            if batch == "stopped" {
                try scene.tool(0, "resume", "--id", "two.1")
            } else if batch == nil {
                try scene.tool(0, "run", "--id", "two")
            }
            #expect(try scene.base.sql("SELECT sum(price), (SELECT count(*) FROM log) FROM items") == "153|5")
            try scene.base.expectWhole(place)
            try scene.tool(0, "rollback", "--id", "two")
            #expect(try scene.base.dump() == before)
        }
    }

    @Test func whatIsLeftOfAStoppedBatchIsRehearsedAgain() throws {
        try GovernedScene.with { scene in
            try scene.tool(137, killAt: "committed", "run", "--id", "two")
            try scene.tool(0, "resume", "--id", "two.1")
            #expect(
                try scene.audit() == [
                    "rehearse passed", "recover stopped", "rehearse passed", "resume committed", "checklist passed",
                ])
            let rows = try scene.reports("rehearsal").map { $0["dry_run"]?["changes"]?.array?.count }
            #expect(rows == [8, 5])
        }
    }

    @Test func aChecklistThatACrashTookIsMadeUpForBeforeAnythingElseRuns() throws {
        try GovernedScene.with { scene in
            try scene.tool(137, killAt: "checklist-begun", "run", "--id", "two")
            #expect(try scene.audit().last == "run committed")
            try scene.tool(0, "run", "--id", "plain")
            #expect(try scene.audit().suffix(3) == ["run committed", "checklist passed", "run committed"])
            try scene.tool(0, "run", "--id", "plain")
            #expect(try scene.reports("checklist").count == 1)
        }
    }

    @Test(arguments: [
        ("INSERT INTO items VALUES(1, 1, 1)", "", "UNIQUE"), ("UPDATE nothing SET x = 1", "", "nothing"),
        ("UPDATE items SET price = NULL", "verify:\n  - SELECT count(*) = 0 FROM items WHERE price IS NULL", "price"),
        ("DELETE FROM items WHERE id = 5", "", "to missing rows"),
    ])
    func aFailedRehearsalRefusesTheRun(_ sql: String, _ more: String, _ words: String) throws {
        let job = """
            level: 2
            steps:
              - id: good
                sql: UPDATE items SET qty = 7
              - id: bad
                sql: \(sql)
            \(more)
            """
        try GovernedScene.with(jobs: ["bad": job]) { scene in
            try scene.base.sql("CREATE TABLE parts(item INT REFERENCES items(id)); INSERT INTO parts VALUES(5)")
            let before = try scene.base.dump()
            let error = try scene.refused(.rehearsalFailed, "run", "--id", "bad")
            #expect(error.contains(words), "\(error)")
            try scene.expectNothingRan(since: before)
            #expect(try scene.base.status("bad.1") == nil)
            #expect(try scene.audit() == ["rehearse refused", "run refused"])
            let report = try #require(try scene.reports("rehearsal").first)
            #expect(report["ok"]?.bool == false)
            #expect(report["error"]?.string?.contains(words) == true)
        }
    }

    @Test func stepsOutsideTheDatabaseRunOnce() throws {
        let job = """
            level: 2
            steps:
              - id: tell
                exec: [sh, -c, "echo told >> told.txt"]
                undo: ["true"]
              - id: raise
                sql: UPDATE items SET qty = 7
              - id: file
                export: {query: SELECT * FROM items, file: out.csv}
            """
        try GovernedScene.with(jobs: ["tells": job]) { scene in
            try scene.tool(0, "run", "--id", "tells")
            #expect(try TextFile.read(scene.base.file("told.txt")) == "told\n")
            let left = try scene.reports("rehearsal").first?["left_out"]?.array?.compactMap(\.string)
            #expect(left == ["tell: program", "file: export"])
        }
    }

    @Test func aChecklistThatFailsIsLoud() throws {
        let job = """
            level: 2
            steps:
              - id: raise
                sql: UPDATE items SET qty = 7
              - id: meddle
                exec: [sqlite3, app.db, "UPDATE items SET qty = 8 WHERE id = 1"]
                undo: ["true"]
            """
        try GovernedScene.with(jobs: ["meddled": job]) { scene in
            let error = try scene.refused(.verificationFailed, "run", "--id", "meddled")
            #expect(error.contains("meddled.1 has run, but fails its checklist: digests: table items"))
            #expect(error.contains("batchmgr rollback --id meddled.1"))
            #expect(try scene.audit().last == "checklist failed")
            #expect(try scene.reports("checklist").first?["ok"]?.bool == false)
        }
    }

    @Test func aReplayDoesNotRunItWithoutItsRehearsal() throws {
        try GovernedScene.with { scene in
            try scene.tool(0, "run", "--id", "plain")
            try scene.tool(0, "run", "--id", "two")
            let before = try scene.base.dump()
            let error = try scene.refused(.notReplayable, "rollback", "--id", "plain", "--mode", "replay")
            #expect(error.contains("two.1: its job is of level 2"), "\(error)")
            #expect(try scene.base.dump() == before)
        }
    }

    @Test func aDryRunStaysADryRun() throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            for job in ["two", "three"] { try scene.tool(0, "run", "--id", job, "--dry-run") }
            try scene.expectNothingRan(since: before)
        }
    }
}
