import BatchCatalog
import BatchCore
import BatchEngine
import BatchLedger
import BatchSystem
import Synchronization
import TestSupport
import Testing

/// Whole copies of a database whose jobs change nothing, one behind the other.
@Suite struct SeriesCopyTests {
    private func order(_ sql: String, _ number: Int) throws -> RunOrder {
        let text = try JobDefinition.adHoc(id: "a", sql: [sql], StepRegistry.builtIn.rules()).text
        let job = try JobDefinition.parse(text: text, file: "a")
        return RunOrder(job: job, values: ParameterValues([]), key: "k\(number)")
    }

    @Test(arguments: [false, true])
    func jobsThatChangeNothingMakeOneCopyAtMost(_ hasCopy: Bool) throws {
        let folder = TemporaryFolder()
        let path = folder.file("app.db")
        let other = try Connection(path: path, mode: .create)
        try other.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t(v) VALUES(1)")
        let copies = Mutex(0)
        var context = Context.system()
        context.reach = { place in if place == "copied-early" { copies.withLock { $0 += 1 } } }
        let series = try BatchSeries(.adHoc(database: path), database: nil, tenant: nil, context: context)
        func work(_ sql: String, _ numbers: ClosedRange<Int>) throws -> Int {
            copies.withLock { $0 = 0 }
            for number in numbers {
                guard case .ran = try series.complete(try order(sql, number), tenant: nil, context: context) else {
                    Issue.record("\(number) has not run")
                    continue
                }
            }
            return copies.withLock { $0 }
        }
        if hasCopy { #expect(try work("UPDATE t SET v = v + 1", 1...1) == 1) }
        #expect(try work("UPDATE t SET v = v + 1 WHERE id = 900", 11...18) == 1)
        // What nobody expected to change something needs none either: it is made from the undo log, or follows.
        #expect(try work("UPDATE t SET v = v + 10", 21...21) == 0)
        series.end()
        let kinds = try other.rows("SELECT bak_kind FROM batchmgr_points WHERE bak IS NOT NULL AND status = 'complete'")
        #expect(kinds.map { $0[0].string } == (hasCopy ? ["full", "delta"] : ["full"]))
    }
}
