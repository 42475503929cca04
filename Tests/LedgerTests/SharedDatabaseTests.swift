import BatchCore
import BatchLedger
import TestSupport
import Testing

/// Real databases, and odd ones: whatever a batch does to them is undone to the byte.
@Suite struct SharedDatabaseTests {
    @Test(arguments: SharedData.databases) func everyDatabaseComesBackExactly(_ source: String) throws {
        let folder = TemporaryFolder()
        let scratch = try Connection(path: folder.copy(database: source, as: "scratch.db"))
        try scratch.execute("PRAGMA foreign_keys = ON")
        let batch = try MixedBatch(scratch)
        let bench = try Bench(folder.copy(database: source, as: "app.db"), spillFolder: folder.path)
        let before = bench.dump()

        let run = try bench.run("mixed", statements: batch.all)
        let forward = bench.dump()
        #expect(Shell.firstDifference(forward, Shell.dump(scratch.path)) == nil, "forward differs from plain SQL")
        #expect(try bench.staleDigests() == [])

        let rollback = try bench.undo(run)
        #expect(Shell.firstDifference(before, bench.dump()) == nil, "undo differs")
        #expect(try bench.staleDigests() == [])

        try bench.undo(rollback)
        #expect(Shell.firstDifference(forward, bench.dump()) == nil, "undo of the undo differs")
        #expect(try bench.staleDigests() == [])
    }

    @Test(arguments: SharedData.databases) func oneBatchForEachTableComesBackExactly(_ source: String) throws {
        let folder = TemporaryFolder()
        let scratch = try Connection(path: folder.copy(database: source, as: "scratch.db"))
        try scratch.execute("PRAGMA foreign_keys = ON")
        let batch = try MixedBatch(scratch)
        let bench = try Bench(folder.copy(database: source, as: "app.db"), spillFolder: folder.path)
        let before = bench.dump()

        var runs: [Bench.Run] = []
        for (_, sql) in batch.statements { runs.append(try bench.run("table", statements: sql)) }
        let forward = bench.dump()
        let rollback = try bench.undo(runs)
        #expect(Shell.firstDifference(before, bench.dump()) == nil, "undo in one rollback differs")
        #expect(try bench.staleDigests() == [])
        try bench.undo(rollback)
        #expect(Shell.firstDifference(forward, bench.dump()) == nil, "undo of the undo differs")
    }
}
