import BatchCatalog
import BatchCore
import BatchEngine
import BatchLedger
import Synchronization
import TestSupport
import Testing

/// All rows of a large database are read only when somebody else may have changed them.
@Suite struct KnownRowsTests {
    private final class Looks: Sendable {
        let count = Mutex(0)
        func note(_ phase: Context.Phase) {
            if phase.title == "looking for changes outside any batch" { count.withLock { $0 += 1 } }
        }
        /// How often since the last call.
        func take() -> Int {
            count.withLock { count in
                defer { count = 0 }
                return count
            }
        }
    }

    /// One command: a session of its own.
    private func run(
        _ path: String, _ looks: Looks, _ sql: String, isStopped: Bool = false
    ) throws {
        var context = Context.system()
        context.progress = { looks.note($0) }
        if isStopped { context.stopWish = { .atCheckpoint } }
        let session = try Session(.adHoc(database: path), context: context)
        let text = try JobDefinition.adHoc(id: "a", sql: [sql], StepRegistry.builtIn.rules()).text
        _ = try Runner(session).run(try JobDefinition.parse(text: text, file: "a"), ParameterValues([]))
    }

    private static let add = "INSERT INTO t(v) VALUES('x')"

    @Test func aFailedOrStoppedOrRefusedCommandIsNoReasonToReadAllRows() throws {
        try TemporaryFolder.with { folder in
            let path = "\(folder)/app.db"
            let other = try Connection(path: path, mode: .create)
            try other.execute(
                "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t(v) VALUES(zeroblob(\(18 << 20)))")
            let looks = Looks()
            try run(path, looks, Self.add)
            _ = looks.take()
            func refused(_ code: ErrorCode, _ body: () throws -> Void) throws {
                let error = #expect(throws: BatchError.self) { try body() }
                #expect(error?.code == code)
            }
            try run(path, looks, Self.add)
            try refused(.sql) { try run(path, looks, "UPDATE t SET missing = 1") }
            try run(path, looks, Self.add)
            try refused(.stopped) { try run(path, looks, Self.add, isStopped: true) }
            try run(path, looks, Self.add)
            try refused(.wrongState) {
                _ = try Runner(try Session(.adHoc(database: path), context: .system())).resume(.latest(job: "a"))
            }
            try run(path, looks, Self.add)
            #expect(looks.take() == 0)
            // Somebody else wrote: what a failed command has read is known from then on, and the change is kept.
            try other.execute("UPDATE t SET v = 'theirs' WHERE id = 2")
            try refused(.sql) { try run(path, looks, "UPDATE t SET missing = 1") }
            #expect(looks.take() == 1)
            try run(path, looks, Self.add)
            #expect(looks.take() == 0)
            #expect(try other.value("SELECT count(*) FROM batchmgr_batches WHERE job = 'drift'")?.integer == 1)
            // And what is written after it is found.
            try refused(.sql) { try run(path, looks, "UPDATE t SET missing = 1") }
            try other.execute("UPDATE t SET v = 'again' WHERE id = 2")
            try run(path, looks, Self.add)
            #expect(looks.take() == 1)
            #expect(try other.value("SELECT count(*) FROM batchmgr_batches WHERE job = 'drift'")?.integer == 2)
        }
    }
}
