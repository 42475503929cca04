import BatchControl
import BatchCore
import BatchLedger
import TestSupport
import Testing

/// The kept totals of the queue are those that counting finds, whatever happens to the jobs.
struct QueueTotalsTests {
    @Test(arguments: 0..<20) func theyAreWhatCountingFinds(seed: UInt64) throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            var random = SeededRandom(seed: seed)
            var now = ControlScene.now.milliseconds
            for _ in 0..<60 {
                now += 7_000
                try act(file, Timestamp(milliseconds: now), &random)
            }
            let counts = try file.queueCounts()
            #expect(counts == (try counted(path)))
            for state in QueueState.allCases {
                for job in ["a", "b"] {
                    let filter = QueueFilter(states: [state], job: job, tenant: "acme")
                    #expect(try file.queueCount(filter) == file.queueJobs(filter).count)
                }
            }
        }
    }

    private func act(_ file: ControlFile, _ now: Timestamp, _ random: inout SeededRandom) throws {
        let job = Bool.random(using: &random) ? "a" : "b"
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1, 2:
            let tenant = Bool.random(using: &random) ? "acme" : nil
            let key = Bool.random(using: &random) ? "key" : nil
            _ = try file.enqueue(
                QueueOrder(job: job, tenant: tenant, runAt: now, uniqueKey: key), actor: "ann", at: now)
        case 3:
            guard let claimed = try file.claim(LeaseOwner.current(), at: now) else { return }
            let isDone = Bool.random(using: &random)
            _ = try file.finish(claimed, isDone ? .done(batch: "a.1") : .failed(reason: "no"), at: now)
        case 4: _ = try file.claim(LeaseOwner.current(), at: now)
        default:
            guard let action = QueueBulkAction.allCases.randomElement(using: &random) else { return }
            _ = try file.act(action, QueueFilter(job: job), behind: 0, reason: "why", at: now)
        }
    }

    private func counted(_ path: String) throws -> [QueueState: Int] {
        let sql = "SELECT state, count(*) FROM queue_jobs WHERE removed_at IS NULL GROUP BY state"
        var counts: [QueueState: Int] = [:]
        for row in try Connection(path: path, mode: .readOnly).rows(sql) {
            if let state = row[0].string.flatMap(QueueState.init) { counts[state] = Int(row[1].integer ?? 0) }
        }
        return counts
    }
}
