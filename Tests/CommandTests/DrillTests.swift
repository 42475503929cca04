import BatchCore
import TestSupport
import Testing

/// Both copies of every restore point are restored, and the packs of the history merged.
@Suite struct DrillTests {
    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with { scene in
            for round in 1...3 {
                try scene.expect(
                    0, "run", "--id", "b", "--sql",
                    "UPDATE items SET qty = qty + \(round); INSERT INTO log(what) VALUES('\(round)')")
            }
            try scene.expect(0, "rollback", "--id", "b.3")
            try body(scene)
        }
    }

    @Test func aFileThatIsPrunedMeanwhileHasNotFailed() throws {
        try BadLuckScene.with { scene in
            for round in 1...6 {
                try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = \(round)")
            }
            let result = try scene.shell(
                """
                "$TOOL" drill > drilled 2>&1 & drill=$!
                "$TOOL" prune --keep-last 1 --yes > pruned || exit 98
                wait $drill || { cat drilled; exit 97; }
                """)
            #expect(result.code == 0, "\(result.out)\(result.err)")
            try scene.expectWhole("after both")
        }
    }

    @Test func everyPointComesBackFromBothCopies() throws {
        try scene { scene in
            let document = try scene.json("drill")
            #expect(document["ok"]?.bool == true, "\(document)")
            let names = document["checks"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(names.contains("b.2 git") && names.contains("b.2 .bak") && names.contains("rollback.1 .bak"))
            #expect(names.count == 9, "\(names)")
            let audit = try scene.sql("SELECT outcome, details FROM batchmgr_audit WHERE action = 'drill'")
            #expect(audit.hasPrefix("passed|{\"points\":5,\"failed\":0,\"bak_ms\":{\"mean\":"), "\(audit)")
            #expect(try scene.shell("ls backups/batch_manager | grep -c scratch").out == "0\n")
            let sample = try scene.json("drill", "--sample", "1")["checks"]?.array?.compactMap { $0["name"]?.string }
            #expect(sample == ["rollback.1 git", "rollback.1 .bak"])
        }
    }

    @Test func aDrillThatWouldTestNothingIsRefused() throws {
        try scene { scene in
            try scene.expect(.usage, "drill", "--sample", "0")
        }
    }

    @Test(arguments: [
        (
            "cd backups/batch_manager && f=$(ls batch_b.2_*.bak) && printf X | dd of=$f bs=1 seek=5000 conv=notrunc status=none",
            "b.2 .bak"
        ),
        ("rm backups/batch_manager/batch_b.1_*.bak", "b.1 .bak"),
        (
            "cd backups/batch_manager/history.git/objects/pack && p=$(ls -t *.pack | tail -1) && chmod u+w $p && printf '\\377\\377' | dd of=$p bs=1 seek=20 conv=notrunc status=none",
            "git"
        ),
    ])
    func aDamagedCopyFailsTheDrill(_ damage: String, _ name: String) throws {
        try scene { scene in
            #expect(try scene.shell(damage).code == 0)
            let result = try scene.tool("drill", "--json")
            #expect(result.code == 6, "\(result.out)")
            let document = try JSONParser.parse(result.out)
            let failed = document["checks"]?.array?.filter { $0["ok"]?.bool == false }.compactMap { $0["name"]?.string }
            #expect(failed?.contains { $0.hasSuffix(name) } == true, "\(failed ?? [])")
            #expect(try scene.sql("SELECT outcome FROM batchmgr_audit WHERE action = 'drill'") == "failed")
        }
    }

    @Test func twoPointsOfOneBatchHaveTwoNames() throws {
        let steps = """
            steps:
              - {id: a, sql: UPDATE items SET qty = 1}
              - {id: wait, exec: [test, -e, go]}
              - {id: b, sql: UPDATE items SET qty = 2}
            """
        try BadLuckScene.with(jobs: ["two": steps]) { scene in
            try scene.expect(1, "run", "two")
            try scene.write("go", "")
            try scene.expect(0, "resume", "two")
            let names = try scene.json("drill")["checks"]?.texts("name") ?? []
            #expect(Set(names).count == names.count, "\(names)")
            #expect(names.contains("two.1 checkpoint 1 git") && names.contains("two.1 git"), "\(names)")
            // Each failed copy names the other one by what restore takes.
            try scene.shell("rm backups/batch_manager/*.bak")
            let advice = try scene.json("drill")["checks"]?.texts("advice").filter { !$0.isEmpty } ?? []
            #expect(advice.count >= 2, "\(advice)")
            for (index, hint) in advice.enumerated() {
                let command = hint.dropFirst("try its other copy: batchmgr".count).replacing(
                    "FILE", with: "\(index).db")
                #expect(try scene.shell("\"$TOOL\"\(command)").code == 0, "\(hint)")
            }
        }
    }

    @Test func packsAreMergedAndNothingIsLost() throws {
        try scene { scene in
            let before = try scene.shell("git --git-dir backups/batch_manager/history.git log --format=%H%d --all").out
            let document = try scene.json("history", "compact")
            #expect(document["packs_before"]?.integer == 5 && document["packs_after"]?.integer == 1, "\(document)")
            #expect(try scene.shell("ls backups/batch_manager/history.git/objects/pack/*.pack | wc -l").out == "1\n")
            #expect(
                try scene.shell("git --git-dir backups/batch_manager/history.git log --format=%H%d --all").out == before
            )
            try scene.expectWhole("after compact")
            #expect(try scene.json("drill")["ok"]?.bool == true)
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 0")
            // Stock git packs with deltas, and unpacks.
            #expect(try scene.shell("git --git-dir backups/batch_manager/history.git repack -adfq").code == 0)
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 1")
            try scene.expect(0, "history", "compact")
            try scene.expectWhole("after git repack and compact")
            #expect(try scene.json("drill")["ok"]?.bool == true)
            #expect(try scene.json("history", "compact")["packs_before"]?.integer == 1)
        }
    }

    @Test func aDamagedPackIsNotMerged() throws {
        try scene { scene in
            _ = try scene.shell(
                "cd backups/batch_manager/history.git/objects/pack && p=$(ls -t *.pack | tail -1) && chmod u+w $p && printf '\\377\\377' | dd of=$p bs=1 seek=20 conv=notrunc status=none"
            )
            try scene.expect(.corruptRecord, "history", "compact")
            #expect(try scene.shell("ls backups/batch_manager/history.git/objects/pack | wc -l").out == "10\n")
        }
    }
}
