import BatchCore
import BatchLedger
import TestSupport
import Testing

/// A schema with rows, and a batch over it.
struct ShapeCase: Sendable, CustomTestStringConvertible {
    let name: String
    let setup: String
    let batch: String

    init(_ name: String, _ setup: String, _ batch: String) {
        self.name = name
        self.setup = setup
        self.batch = batch
    }

    var testDescription: String { name }

    /// The batch does what plain SQL does; its undo gives the database back; the undo of that gives the batch back.
    func check(guardedBy mode: GuardMode = .off) throws {
        let folder = TemporaryFolder()
        let app = folder.file("app.db")
        do {
            let made = try Connection(path: app, mode: .create)
            try made.execute(setup)
        }
        let plain = try Connection(path: folder.copy(database: app, as: "plain.db"))
        let original = try Connection(path: folder.copy(database: app, as: "original.db"))
        try plain.execute("PRAGMA foreign_keys = ON; BEGIN; \(batch); COMMIT")
        let bench = try Bench(app, spillFolder: folder.path, guardMode: mode)
        let before = bench.dump()

        let run = try bench.run("shape", batch)
        let forward = bench.dump()
        #expect(forward != before, "the batch changes nothing")
        // ANALYZE notes the ledger's tables between the others; a statement that fires triggers makes full-text modules
        // write their segments earlier.
        if !batch.contains("ANALYZE"), mode == .off || !setup.contains("USING fts") {
            #expect(Shell.firstDifference(forward, Shell.dump(plain.path)) == nil, "forward differs from plain SQL")
        }
        #expect(try bench.staleDigests() == [], "after the batch")
        try RowDifference(original, plain).expectEqual(to: run, of: bench)

        let rollback = try bench.undo(run)
        #expect(Shell.firstDifference(before, bench.dump()) == nil, "undo differs")
        #expect(try bench.staleDigests() == [], "after the undo")
        #expect(try bench.connection.value("PRAGMA integrity_check")?.string == "ok")

        let again = try bench.undo(rollback)
        #expect(Shell.firstDifference(forward, bench.dump()) == nil, "undo of the undo differs")
        #expect(try bench.staleDigests() == [], "after the undo of the undo")
        try bench.undo(again)
        #expect(Shell.firstDifference(before, bench.dump()) == nil, "third undo differs")
        if mode != .off {
            #expect(try WriteGuard(bench.ledger).isIntact())
            #expect(try !WriteGuard(bench.ledger).isForcedOpen())
            #expect(try WriteGuard(bench.ledger).notes() == [])
        }
    }
}
