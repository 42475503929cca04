import BatchCore
import BatchLedger
import TestSupport
import Testing

/// What a run asks of the ledger does not take longer when thousands of batches have run.
@Suite struct LongLedgerTests {
    private static let count = 300

    /// Batches of two jobs in turn, the last of each failed; every tenth point still has its copy.
    private static func ledger(_ folder: TemporaryFolder) throws -> Ledger {
        let ledger = try Ledger(try Connection(path: folder.file("app.db"), mode: .create))
        try ledger.connection.execute("BEGIN")
        try ledger.create(databaseID: "long")
        for index in 0..<count {
            var batch = BatchRecord(
                batch: BatchID(job: index % 2 == 0 ? "even" : "odd", number: index / 2 + 1), kind: .batch, actor: "me",
                traceID: "\(index)", startedAt: "2026-01-01T00:00:00.000Z")
            batch.status = index < count - 2 ? .committed : .failed
            try ledger.insert(&batch)
            var point = PointRecord(
                batch: batch.seq, kind: .batch, lastCheckpoint: Int64(index), createdAt: batch.startedAt)
            point.status = .complete
            point.bak = index % 10 == 0 ? "\(index).bak" : nil
            try ledger.save(&point)
        }
        try ledger.connection.execute("COMMIT")
        return ledger
    }

    @Test func theLatestOfAJobAndTheLastPointAreFound() throws {
        let folder = TemporaryFolder()
        let ledger = try Self.ledger(folder)
        let committed = try ledger.latestBatch(of: "odd", where: "status = ?2", [.string("committed")])
        #expect(committed?.batch == BatchID(job: "odd", number: Self.count / 2 - 1))
        #expect(try ledger.latestBatch(of: "odd", where: "status = 'stopped'", []) == nil)
        #expect(try ledger.latestBatch(of: "none", where: "1", []) == nil)
        #expect(try ledger.jobs().sorted() == ["even", "odd"])
        #expect(try ledger.lastPoint(where: "bak IS NOT NULL")?.bak == "290.bak")
        #expect(try ledger.points(where: "bak IS NOT NULL").count == Self.count / 10)
        var numbers: [Int] = []
        try ledger.forEachBatchFromNewest(of: "even", where: "status = ?2", [.string("committed")]) { (batch) in
            numbers.append(batch.batch.number)
            return numbers.count < 3
        }
        #expect(numbers == [149, 148, 147])
    }

    @Test(arguments: [
        "SELECT id FROM batchmgr_points WHERE bak IS NOT NULL AND status = 'complete' ORDER BY id DESC",
        "SELECT id FROM batchmgr_points WHERE bak = 'x' ORDER BY id",
        "SELECT id FROM batchmgr_points WHERE status = 'pending' ORDER BY id",
        "SELECT seq FROM batchmgr_batches WHERE job = 'odd' AND (status = 'failed') ORDER BY number DESC",
        "SELECT seq FROM batchmgr_batches WHERE status = 'running' ORDER BY seq",
        "SELECT max(number) FROM batchmgr_batches WHERE job = 'odd'",
    ]) func anIndexAnswers(_ sql: String) throws {
        let folder = TemporaryFolder()
        let plan = try Self.ledger(folder).connection.rows("EXPLAIN QUERY PLAN \(sql)").compactMap { $0.last?.string }
        #expect(plan.allSatisfy { $0.contains("INDEX batchmgr_") }, "\(plan)")
    }
}
