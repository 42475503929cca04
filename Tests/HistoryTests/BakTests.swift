import BatchCore
import BatchHistory
import BatchLedger
import BatchSystem
import Testing

@Suite struct BakTests {
    @Test(arguments: SharedData.databases)
    func `a full copy leads to both sides of its batch`(_ original: String) throws {
        let scenario = try Scenario(original)
        let label = scenario.label("a.1", base: nil, time: 1_795_226_400_000)
        let full = try scenario.bak.writeFull(label, from: scenario.old, before: scenario.before)
        #expect(full.name == "batch_a.1_snapshot_20261121T020000.000Z.bak")
        #expect(Workplace.run("sqlite3 '\(full.path)' 'PRAGMA journal_mode'").output == "delete\n")
        let early = try scenario.bak.restore(
            batch: "a.1", database: "main", .before, to: scenario.work.path("before.db"))
        #expect(Workplace.dump(early.path) == scenario.dumps.before)
        let complete = try scenario.bak.complete(
            full, with: scenario.changes, before: scenario.before, after: scenario.after, source: scenario.new)
        #expect(complete.sha256 == Workplace.run("sha256sum < '\(full.path)'").output.prefix(64))
        let after = try scenario.bak.restore(batch: "a.1", database: "main", .after, to: scenario.work.path("after.db"))
        #expect(Workplace.dump(after.path) == scenario.dumps.after)
        #expect(after.digest == scenario.after.digest.combined)
    }

    @Test(arguments: SharedData.databases)
    func `deltas lead forward from a full copy and backward from a later one`(_ original: String) throws {
        let scenario = try Scenario(original)
        let bak = scenario.bak
        let first = scenario.label("a.1", base: nil, time: 1_795_226_400_000)
        let full = try bak.writeFull(first, from: scenario.old, before: scenario.before)
        let second = scenario.label("b.1", base: full.name, time: 1_795_226_401_000)
        let (delta, pending) = try bak.writeDelta(
            second, changes: scenario.changes, before: scenario.before, after: scenario.after, source: scenario.new)
        try pending.value()
        let forward = try bak.restore(batch: "b.1", database: "main", .after, to: scenario.work.path("forward.db"))
        #expect(Workplace.dump(forward.path) == scenario.dumps.after)
        let known = try bak.restore(
            BakTarget(scenario.after.digest.combined, file: nil, .after), database: "main",
            to: scenario.work.path("known.db"), recorded: [full.name: full.hash, delta.name: delta.hash])
        #expect(Workplace.dump(known.path) == scenario.dumps.after)
        let third = scenario.label("c.1", base: delta.name, time: 1_795_226_402_000)
        _ = try bak.writeFull(third, from: scenario.new, before: scenario.after)
        Workplace.run("rm '\(full.path)'")
        let isReversible = try bak.contents().files.contains { $0.batch == "b.1" && $0.isReversible }
        let target = scenario.work.path("backward.db")
        if isReversible {
            let backward = try bak.restore(batch: "b.1", database: "main", .before, to: target)
            #expect(Workplace.dump(backward.path) == scenario.dumps.before)
        } else {
            #expect(throws: BatchError.self) { try bak.restore(batch: "b.1", database: "main", .before, to: target) }
        }
    }

    @Test func `a whole copy that somebody changed is not taken for the one that was written`() throws {
        let work = Workplace()
        let scenario = try Scenario(
            try work.make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)"), "DELETE FROM t WHERE a = 1")
        let full = try scenario.bak.writeFull(
            scenario.label("a.1", base: nil, time: 0), from: scenario.old, before: scenario.before)
        Workplace.run("sqlite3 '\(full.path)' 'UPDATE t SET a = 3 WHERE a = 2'")
        for hash in [full.hash, .sha256(full.sha256)] {
            let failure = #expect(throws: BatchError.self) {
                try scenario.bak.restore(
                    BakTarget(scenario.before.digest.combined, file: full.name, .before), database: "main",
                    to: scenario.work.path("r.db"), recorded: [full.name: hash])
            }
            #expect(failure?.code == .corruptRecord && failure?.message.contains(full.name) == true)
        }
    }
}
