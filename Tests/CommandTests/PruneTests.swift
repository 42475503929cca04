import BatchCore
import TestSupport
import Testing

/// A policy says which `.bak` files stay; chains, last copies and the way back of live batches stay with them.
@Suite struct PruneTests {
    @Test func aPolicyKeepsTheNewestOfEachPeriod() throws {
        let times = [
            "2026-09-30T10:00:00.000Z", "2026-11-02T08:00:00.000Z", "2026-11-20T08:00:00.000Z",
            "2026-11-20T20:00:00.000Z", "2026-11-21T01:00:00.000Z", "2026-11-21T02:00:00.000Z",
        ]
        let points = times.enumerated().compactMap { index, text in
            Timestamp(iso8601: text).map { RetentionPolicy.Point(time: $0, names: ["b.\(index)", "b"]) }
        }
        func kept(_ policy: RetentionPolicy) -> [Int] {
            policy.reasons(for: points).enumerated().filter { !$0.element.isEmpty }.map(\.offset)
        }
        #expect(kept(RetentionPolicy(last: 2)) == [4, 5])
        #expect(kept(RetentionPolicy(daily: 2)) == [3, 5])
        #expect(kept(RetentionPolicy(weekly: 2)) == [1, 5])
        #expect(kept(RetentionPolicy(monthly: 9)) == [0, 5])
        #expect(kept(RetentionPolicy(tags: ["b.1"])) == [1, 5])
        #expect(kept(RetentionPolicy(tags: ["b.*"])) == [0, 1, 2, 3, 4, 5])
    }

    @Test func filesGoAndEveryPointStillComesBack() throws {
        try BadLuckScene.with { scene in
            for round in 1...5 {
                try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = qty + \(round)")
            }
            let before = try scene.shell("ls backups/batch_manager").out
            try scene.expect(.usage, "prune", "--yes")
            try scene.expect(.usage, "prune", "--keep-last", "2")
            let plan = try scene.json("prune", "--keep-last", "2", "--keep-tag", "b.1", "--dry-run")
            #expect(plan["removed"]?.integer == 2, "\(plan)")
            #expect(try scene.shell("ls backups/batch_manager").out == before)
            let done = try scene.expect(0, "prune", "--keep-last", "2", "--keep-tag", "b.1", "--yes")
            #expect(done.out.contains("named by --keep-tag b.1") && done.out.contains("the newest"))
            #expect(try scene.shell("ls backups/batch_manager/*.bak | wc -l").out == "3\n")
            try scene.expectWhole("after prune")
            #expect(try scene.json("drill")["ok"]?.bool == true)
            for batch in ["b.5", "b.4", "b.3", "b.2"] { try scene.expect(0, "rollback", "--id", batch) }
            try scene.expect(0, "restore", "--point", "b.3", "--to", "b3.db")
            #expect(try scene.sql("SELECT qty FROM items WHERE id = 1", in: "b3.db") == "7")
        }
    }

    @Test func aChainIsNotBrokenAndALastCopyIsKept() throws {
        let job = "snapshot: delta\nsteps:\n  - id: a\n    sql: UPDATE items SET qty = qty + 1\n"
        try BadLuckScene.with(jobs: ["d": job]) { scene in
            for _ in 1...4 { try scene.expect(0, "run", "--id", "d") }
            let kept = try scene.json("prune", "--keep-last", "1", "--yes")
            #expect(kept["removed"]?.integer == 0, "\(kept)")
            let reasons = kept["points"]?.array?.map { $0["reasons"]?.array?.compactMap(\.string) ?? [] }
            #expect(reasons?[1] == ["the way to d.4"], "\(reasons ?? [])")
            try scene.expect(0, "run", "--id", "whole", "--sql", "CREATE TABLE new(x)")
            let bak = "SELECT count(*) FROM batchmgr_points WHERE bak IS NOT NULL"
            try scene.expect(0, "prune", "--keep-last", "1", "--yes")
            #expect(try scene.sql(bak) == "1")
            try scene.expectWhole("after prune")
            try scene.expect(0, "run", "--id", "d")
            _ = try scene.shell("rm -r backups/batch_manager/history.git")
            let last = try scene.json("prune", "--keep-last", "1", "--yes")
            #expect(last["removed"]?.integer == 0, "\(last)")
        }
    }
}
