import BatchCatalog
import BatchCore
import BatchEngine
import BatchLedger
import BatchSystem
import TestSupport
import Testing

/// `stop JOB` while a run of the job is at what comes before its batch.
@Suite struct StopBeforeBatchTests {
    private func session(_ path: String, reach: @escaping @Sendable (String) -> Void = { _ in }) throws -> Session {
        var context = Context.system()
        context.reach = reach
        return try Session(.adHoc(database: path), context: context)
    }

    private func run(_ session: Session) throws -> RunReport {
        let text = try JobDefinition.adHoc(id: "a", sql: ["UPDATE t SET v = 'new'"], StepRegistry.builtIn.rules()).text
        return try Runner(session).run(try JobDefinition.parse(text: text, file: "a"), ParameterValues([]))
    }

    @Test func aRunThatHasNotBegunStopsBeforeItsBatch() throws {
        let folder = TemporaryFolder()
        let path = folder.file("app.db")
        let other = try Connection(path: path, mode: .create)
        try other.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t(v) VALUES('old')")
        _ = try run(try session(path))
        try other.execute("UPDATE t SET v = 'theirs'")
        nonisolated(unsafe) var told: StopReport?
        nonisolated(unsafe) var busy: BatchError?
        let stopped = try session(path) { place in
            guard place == "copied-early", told == nil else { return }
            do { _ = try run(try session(path)) } catch { busy = error as? BatchError }
            told = try? Runner(try session(path)).stop(.latest(job: "a"))
        }
        let error = #expect(throws: BatchError.self) { try run(stopped) }
        #expect(
            error?.code == .stopped && error?.message.contains("before its batch began") == true,
            "\(String(describing: error))")
        #expect(
            busy?.code == .busy && busy?.hint.text().contains("stop --id a") == true, "\(String(describing: busy))"
        )
        #expect(told?.end == .unbegun && told?.batch.description == "a.2", "\(String(describing: told))")
        #expect(try other.value("SELECT v FROM t")?.string == "theirs")
        #expect(try Folder.names(in: stopped.backups).allSatisfy { !$0.contains("_a.2_") })
        #expect(try other.value("SELECT count(*) FROM batchmgr_batches WHERE job = 'a'")?.integer == 1)
        // Nothing of it is left for the next one.
        #expect(try run(try session(path)).status == .committed)
        let late = #expect(throws: BatchError.self) { try Runner(try session(path)).stop(.latest(job: "a")) }
        #expect(late?.message == "no batch of a is running")
    }
}
