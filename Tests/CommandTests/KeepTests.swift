import BatchCore
import TestSupport
import Testing

/// What `keep:` does not keep goes after a run; what went can still be undone and restored.
struct KeepTests {
    /// The tool as a user has it: tests elsewhere ask that nothing goes by itself.
    private func run(_ scene: BadLuckScene, _ row: Int) throws -> String {
        let line =
            "unset BATCHMGR_KEEP; exec \"$TOOL\" run --id b --sql 'UPDATE items SET qty = qty + 1 WHERE id = \(row)'"
        let result = try scene.shell(line)
        #expect(result.code == 0, "\(result.err)")
        return result.out
    }

    private let thinned = "SELECT count(*) FROM batchmgr_undo WHERE length(data) = 0"

    @Test func whatIsNotKeptGoesAfterARunAndIsUndoneFromGit() throws {
        let keep = "keep: {bak: {last: 2}, undo: 1ms, reports: 400d}\n"
        try BadLuckScene.with(configuration: keep) { scene in
            let before = try scene.dump()
            var said = ""
            for row in 1...5 { said = try run(scene, row) }
            #expect(said.contains("removed        1 .bak file, the undo log of 1 batch"), "\(said)")
            #expect(try scene.shell("ls backups/batch_manager/*.bak | wc -l").out == "2\n")
            #expect(try Int(scene.sql(thinned)) ?? 0 >= 4)
            #expect(try scene.expect(0, "audit", "list", "--action", "keep").out.contains("keep"))
            try scene.expectWhole("after keep")
            let undone = try scene.json("rollback", "--id", "b.2")
            #expect(undone["source"]?.string == "git", "\(undone)")
            #expect(undone["warnings"]?.array?.isEmpty ?? true, "\(undone)")
            #expect(try scene.sql("SELECT group_concat(qty) FROM items") == "2,2,4,5,6")
            for batch in ["b.1", "b.3", "b.4", "b.5"] { try scene.expect(0, "rollback", "--id", batch) }
            #expect(try scene.dump() == before)
            try scene.expect(0, "restore", "--point", "b.1", "--to", "b1.db")
            #expect(try scene.sql("SELECT group_concat(qty) FROM items", in: "b1.db") == "2,2,3,4,5")
        }
    }

    @Test func withoutAVerifiedCommitTheUndoLogStays() throws {
        try BadLuckScene.with { scene in
            for row in 1...3 { _ = try run(scene, row) }
            _ = try scene.shell("rm -r backups/batch_manager/history.git")
            let done = try scene.json("prune", "--undo-older-than", "1ms", "--yes")
            #expect(done["freed_in_database"]?.integer == 0, "\(done)")
            #expect(try scene.sql(thinned) == "0")
            try scene.expect(0, "rollback", "--id", "b.1", "--source", "log")
        }
    }

    @Test func pruneThinsUndoLogsByAge() throws {
        try BadLuckScene.with { scene in
            for row in 1...3 { _ = try run(scene, row) }
            let young = try scene.json("prune", "--undo-older-than", "7d", "--dry-run")
            #expect(young["undo_logs"]?.array?.isEmpty == true, "\(young)")
            let done = try scene.json("prune", "--undo-older-than", "1ms", "--yes")
            #expect(done["undo_logs"]?.array?.count == 3, "\(done)")
            #expect(done["removed"]?.integer == 0, "\(done)")
            #expect(try scene.sql(thinned) == "3")
            try scene.expectWhole("after prune")
            #expect(try scene.expect(0, "diff", "--id", "b.2").out.contains("qty"))
            try scene.expect(0, "rollback", "--id", "b.2")
            try scene.expect(.usage, "prune", "--undo-older-than", "soon", "--yes")
        }
    }

    @Test func theNewestPointsOfATimeAreKept() throws {
        try BadLuckScene.with { scene in
            for row in 1...3 { _ = try run(scene, row) }
            let kept = try scene.json("prune", "--keep-within", "1d", "--dry-run")
            #expect(kept["removed"]?.integer == 0, "\(kept)")
        }
    }

    /// Their `.bak` went by itself, for `keep:`.
    @Test func theUndoLogsOfATimeAreKeptWhateverBecameOfTheFiles() throws {
        try BadLuckScene.with(configuration: "keep: {bak: {last: 1}, undo: 90d, reports: 400d}\n") { scene in
            for row in 1...4 { _ = try run(scene, row) }
            #expect(try scene.shell("ls backups/batch_manager/*.bak | wc -l").out != "4\n")
            for options in [["--keep-within", "30d"], ["--keep-within", "30d", "--undo-older-than", "1ms"]] {
                let young = try scene.json("prune", options[0], options[1], "--yes")
                #expect(young["undo_logs"]?.array?.isEmpty == true, "\(young)")
                try scene.expect(0, ["prune", "--yes"] + options)
                #expect(try scene.sql(thinned) == "0", "\(options)")
            }
            // The last ones that are asked for count batches, not the files that are left of them.
            let few = try scene.json("prune", "--keep-last", "3", "--dry-run")
            #expect(few["undo_logs"] == .array(["b.1"]), "\(few)")
            let old = try scene.json("prune", "--keep-within", "1ms", "--yes")
            #expect(old["undo_logs"]?.array?.count == 3, "\(old)")
        }
    }

    @Test func oldReportsGo() throws {
        try BadLuckScene.with { scene in
            _ = try run(scene, 1)
            let reports = "backups/batch_manager/reports"
            try scene.expect(0, "rollback", "--id", "b.1")
            _ = try scene.shell(
                "touch \(reports)/rollback_b.1_20200101T000000.000Z.md \(reports)/plan_1.json backups/batch_manager/rollback_b.1_20200101T000000.000Z.log"
            )
            try scene.expect(0, "prune", "--reports-older-than", "400d", "--yes")
            let left = try scene.shell("ls \(reports) backups/batch_manager").out
            #expect(!left.contains("20200101T000000.000Z"), "\(left)")
            #expect(left.contains("plan_1.json") && left.contains("certificate_b.1_"), "\(left)")
        }
    }

    @Test(arguments: [
        ("keep: {bak: {last: -1}}", "last"), ("keep: {undo: soon}", "90d"), ("keep: {bak: 5}", "bak"),
        ("keep: {undos: 90d}", "did you mean 'undo'"),
    ])
    func aMistakeInKeepIsTold(_ text: String, _ says: String) throws {
        try BadLuckScene.with(configuration: text + "\n") { scene in
            let refused = try scene.expect(.invalidConfiguration, "list")
            #expect(refused.err.contains(says) || refused.err.contains("undo"), "\(refused.err)")
        }
    }

    @Test func statusSaysWhatIsHalfDoneAndWhatGrows() throws {
        let job = "steps:\n  - {id: a, sql: UPDATE items SET qty = 0}\n  - {id: b, check: SELECT 1}\n"
        try BadLuckScene.with(jobs: ["half": job]) { scene in
            try scene.expect(0, "status")
            _ = try run(scene, 1)
            _ = try scene.tool("run", "--id", "half")
            try scene.expect(0, "switch", "set", "--name", "safe_mode", "--value", "on", "--reason", "night")
            let status = try scene.json("status")
            #expect(status["half_done"] == .array(["half.1"]), "\(status)")
            #expect(status["batches"]?.array?.first?["batch"] == "half.1", "\(status)")
            #expect(status["switches"]?.array?.count == 1, "\(status)")
            #expect(status["oldest_unproven"]?["point"] != nil, "\(status)")
            let names = status["sizes"]?.array?.compactMap { $0["name"]?.string }
            let grows = [
                "database", "undo log in it", ".bak files", "git history", "reports and logs", "control.db",
                "log files",
            ]
            #expect(names == grows)
            #expect(
                status["sizes"]?.array?.suffix(2).allSatisfy { ($0["bytes"]?.integer ?? 0) > 0 } == true, "\(status)")
            let text = try scene.expect(0, "status").out
            #expect(text.contains("resume --id half.1") && text.contains("kept: 90d"), "\(text)")
        }
    }
}
