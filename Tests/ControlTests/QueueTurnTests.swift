import BatchControl
import BatchCore
import BatchLedger
import Testing

/// Which job comes next, and what is done to many at once.
struct QueueTurnTests {
    private static func worker(_ number: Int64) -> LeaseOwner {
        LeaseOwner(process: number, startedAt: "1", boot: "b", namespace: "n", machine: "m")
    }

    private func order(
        _ job: String = "raise", tenant: String? = nil, place: String = "", priority: Int = 0
    ) -> QueueOrder {
        var order = QueueOrder(job: job, tenant: tenant, priority: priority, runAt: ControlScene.now)
        order.place = place
        return order
    }

    private func claimed(_ file: ControlFile, _ count: Int, as first: Int64 = 1) throws -> [QueueJob] {
        var jobs: [QueueJob] = []
        for number in 0..<count {
            guard let job = try file.claim(Self.worker(first + Int64(number)), at: ControlScene.now) else { break }
            jobs.append(job)
        }
        return jobs
    }

    private func fill(_ file: ControlFile) throws {
        _ = try file.enqueue(
            (0..<5_000).map { _ in order() }, by: QueuingStep(batch: "fill.1", step: "all", identity: ""),
            actor: "ann", at: ControlScene.now)
    }

    /// The numbers of what is claimed with fewer than 20,000 operations of SQLite.
    private func claimedAtOnce(_ file: ControlFile, _ count: Int) throws -> [Int64] {
        var looks = 0
        // Asked after each 20,000 operations.
        file.connection.interrupt {
            looks += 1
            return false
        }
        defer { file.connection.interrupt(when: nil) }
        let jobs = try claimed(file, count)
        #expect(looks == 0)
        return jobs.map(\.number)
    }

    /// Else each job would cost more, the more jobs wait.
    @Test func aClaimDoesNotLookAtAllThatWait() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            try fill(file)
            #expect(try claimedAtOnce(file, 3) == [1, 2, 3])
        }
    }

    /// Nor at all that are paused, or of which no more may run.
    @Test(arguments: ["pause", "limit", "kind"]) func aClaimPassesOverWhatMayNotBegin(way: String) throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            try fill(file)
            var last = order("lower")
            last.kind = .ocr
            for _ in 0..<2 { _ = try file.enqueue(last, actor: "ann", at: ControlScene.now) }
            var numbers: [Int64] = [5_001, 5_002]
            switch way {
            case "pause":
                try file.pause(QueuePause(job: "raise", actor: "ann", reason: "later", at: ControlScene.now))
            case "limit":
                try file.setQueueLimit(1, of: .job("raise"))
                numbers = [1] + numbers
            default:
                try file.setQueueLimit(1, of: .kind(.batch))
                numbers = [1] + numbers
            }
            #expect(try claimedAtOnce(file, 4) == numbers)
        }
    }

    /// Of those that may begin the order is the same as ever.
    @Test func theOrderIsTheSameWhereSomeMayNotBegin() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            try file.pause(QueuePause(job: "paused", actor: "ann", reason: "later", at: ControlScene.now))
            for (job, priority) in [("b", 0), ("paused", 9), ("a", 0), ("c", 1), ("b", 0), ("a", 1)] {
                _ = try file.enqueue(order(job, priority: priority), actor: "ann", at: ControlScene.now)
            }
            #expect(try claimed(file, 9).map(\.number) == [4, 6, 1, 3, 5])
            try file.pause(QueuePause(job: nil, actor: "ann", reason: "later", at: ControlScene.now))
            _ = try file.enqueue(order("a"), actor: "ann", at: ControlScene.now)
            #expect(try claimed(file, 1, as: 20).isEmpty)
        }
    }

    /// One with many jobs does not keep one with few waiting.
    @Test func tenantsTakeTurns() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            for _ in 0..<5 { _ = try file.enqueue(order(tenant: "big"), actor: "ann", at: ControlScene.now) }
            _ = try claimed(file, 2)
            for _ in 0..<2 { _ = try file.enqueue(order(tenant: "small"), actor: "ann", at: ControlScene.now) }
            #expect(try claimed(file, 5, as: 10).map(\.order.tenant) == ["big", "small", "big", "small", "big"])
        }
    }

    @Test func aHigherPriorityComesBeforeAnyTurn() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            for _ in 0..<3 { _ = try file.enqueue(order(tenant: "a"), actor: "ann", at: ControlScene.now) }
            _ = try file.enqueue(order(tenant: "a", priority: 1), actor: "ann", at: ControlScene.now)
            #expect(try claimed(file, 4).map(\.number) == [4, 1, 2, 3])
        }
    }

    /// A second worker on the same database would only wait for it.
    @Test func aDatabaseHasOneWorker() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            for place in ["one", "one", "two", "two"] {
                _ = try file.enqueue(order(place: place), actor: "ann", at: ControlScene.now)
            }
            let jobs = try claimed(file, 4)
            #expect(jobs.map(\.number) == [1, 3])
            _ = try file.finish(jobs[0], .done(batch: "raise.1"), at: ControlScene.now)
            #expect(try claimed(file, 2, as: 10).map(\.number) == [2])
        }
    }

    @Test func aLimitHoldsForItsJobAlone() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            try file.setQueueLimit(1, of: .job("raise"))
            for job in ["raise", "raise", "lower"] {
                _ = try file.enqueue(order(job), actor: "ann", at: ControlScene.now)
            }
            #expect(try claimed(file, 3).map(\.number) == [1, 3])
            try file.setQueueLimit(nil, of: .job("raise"))
            #expect(try claimed(file, 2, as: 10).map(\.number) == [2])
        }
    }

    @Test func aLimitHoldsForItsKindAlone() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            try file.setQueueLimit(2, of: .kind(.ocr))
            for kind in [QueueOrder.Kind.ocr, .ocr, .ocr, .batch] {
                var order = order(kind.rawValue)
                order.kind = kind
                _ = try file.enqueue(order, actor: "ann", at: ControlScene.now)
            }
            #expect(try file.queueLimits() == [QueueLimit(.kind(.ocr), most: 2)])
            #expect(try claimed(file, 4).map(\.number) == [1, 2, 4])
            let third = try #require(try file.queueJob(3))
            #expect(try file.obstacle(before: third) == .limited(QueueLimit(.kind(.ocr), most: 2)))
            #expect(
                third.explanation(at: ControlScene.now, .limited(QueueLimit(.kind(.ocr), most: 2)))
                    == "as many run as may: kind ocr: at most 2 at the same time")
            try file.setQueueLimit(nil, of: .kind(.ocr))
            #expect(try claimed(file, 2, as: 10).map(\.number) == [3])
            #expect(try file.queueLimits().isEmpty)
        }
    }

    @Test func aJobSaysWhoseDatabaseItWaitsFor() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            for _ in 0..<2 { _ = try file.enqueue(order(place: "main"), actor: "ann", at: ControlScene.now) }
            _ = try file.enqueue(order(place: "other"), actor: "ann", at: ControlScene.now)
            let first = try #require(try claimed(file, 1).first)
            func words(_ number: Int64) throws -> String {
                guard let job = try file.queueJob(number) else { return "" }
                return job.explanation(at: ControlScene.now, try file.obstacle(before: job))
            }
            #expect(try words(2) == "after job 1, which works on the same database")
            #expect(try words(3) == "waits for a worker")
            _ = try file.finish(first, .done(batch: "raise.1"), at: ControlScene.now)
            #expect(try words(2) == "waits for a worker")
        }
    }

    @Test func manyAreActedOnByAFilter() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            for number in 0..<10 {
                let order = order(number % 2 == 0 ? "even" : "odd")
                _ = try file.enqueue(order, actor: "ann", at: ControlScene.now)
            }
            func act(_ action: QueueBulkAction, _ filter: QueueFilter) throws -> Int {
                let count = try file.queueCount(action, filter)
                let done = try file.act(action, filter, behind: 0, reason: "test", at: ControlScene.now)
                #expect(done.changed == count)
                return count
            }
            let even = QueueFilter(job: "even")
            #expect(try act(.cancel, even) == 5)
            #expect(try act(.cancel, even) == 0)
            #expect(try act(.retry, even) == 5)
            #expect(try act(.resolve, even) == 0)
            #expect(try act(.remove, even) == 5)
            #expect(try file.queueJobs(even).isEmpty)
            #expect(try file.queueCounts() == [.queued: 5])
            #expect(try act(.restore, QueueFilter()) == 5)
            #expect(try file.queueJobs(QueueFilter(states: [.queued])).count == 10)
            #expect(try act(.remove, QueueFilter(states: [.queued], job: "odd")) == 5)
            let later = Timestamp(milliseconds: ControlScene.now.milliseconds + 1)
            try file.forgetJobs(settledBefore: ControlScene.now, removedBefore: later)
            #expect(try act(.restore, QueueFilter()) == 0)
            #expect(try claimed(file, 10).count == 5)
        }
    }

    /// Why a job has failed is known again when it is restored.
    @Test(arguments: ["check c found 1 row (1)", "over (was failed: twice)", ""])
    func whatWasRemovedComesBackWithItsReason(reason: String) throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            _ = try file.enqueue(order(), actor: "ann", at: ControlScene.now)
            _ = try file.enqueue(order(), actor: "ann", at: ControlScene.now)
            let job = try #require(try file.claim(.current(), at: ControlScene.now))
            _ = try file.finish(job, .failed(reason: reason), at: ControlScene.now)
            _ = try file.act(.remove, QueueFilter(), behind: 0, reason: "ann: clean", at: ControlScene.now)
            #expect(try file.queueJob(1)?.reason == "ann: clean (was failed: \(reason))")
            _ = try file.act(.restore, QueueFilter(), behind: 0, reason: "ann: ", at: ControlScene.now)
            let jobs = try file.queueJobs(QueueFilter())
            #expect(jobs.map(\.state) == [.queued, .failed])
            #expect(jobs.map(\.reason) == [nil, reason.isEmpty ? nil : reason])
        }
    }

    @Test func whatABatchQueuesIsQueuedOnce() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            let orders = [order(), order("lower")]
            func enqueue(_ batch: String, _ identity: String = "db 2026") throws -> [Int64] {
                try file.enqueue(
                    orders, by: QueuingStep(batch: batch, step: "a", identity: identity), actor: "ann",
                    at: ControlScene.now)
            }
            #expect(try enqueue("load.1") == [1, 2])
            #expect(try enqueue("load.1") == [1, 2])
            #expect(try enqueue("load.10") == [3, 4])
            #expect(try file.queueJobs(queuedBy: "load.1", "db 2026").map(\.number) == [1, 2])
            // Another database has a batch of this name too.
            #expect(try enqueue("load.1", "other 2026") == [5, 6])
            #expect(try file.queueJobs(queuedBy: "load.1", "other 2026").map(\.number) == [5, 6])
            #expect(try file.queueJob(6)?.order.queuedBy?.name == "load.1/a")
        }
    }

    /// Only so many are read as are asked for, and those that are stuck are found by the file itself.
    @Test func alistHasALimit() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            for _ in 0..<5 { _ = try file.enqueue(order(), actor: "ann", at: ControlScene.now) }
            #expect(try file.queueJobs(QueueFilter(limit: 2)).map(\.number) == [5, 4])
            #expect(try file.queueCount(QueueFilter(limit: 2)) == 5)
            let late = Timestamp(milliseconds: ControlScene.now.milliseconds + 86_400_001)
            #expect(try file.queueCount(QueueFilter(stuckAt: late)) == 5)
            #expect(try file.queueJobs(QueueFilter()).allSatisfy { $0.isStuck(at: late) })
            #expect(try file.queueCount(QueueFilter(stuckAt: ControlScene.now)) == 0)
        }
    }

    /// One service at a time; the next one begins when the first is gone, or has said nothing for too long.
    @Test func thereIsOneService() throws {
        try ControlScene.with { path in
            let (one, two) = (try ControlScene.open(path), try ControlScene.open(path))
            let first = try one.takeService(.current(), at: ControlScene.now)
            let error = #expect(throws: BatchError.self) { try two.takeService(.current(), at: ControlScene.now) }
            #expect(error?.code == .busy)
            #expect(try one.beatService(first, at: ControlScene.now))
            try one.leaveService(first, at: ControlScene.now)
            let second = try two.takeService(Self.worker(7), at: ControlScene.now)
            #expect(second.epoch == first.epoch + 1)
            #expect(try one.beatService(first, at: ControlScene.now) == false)
            let silent = Timestamp(milliseconds: ControlScene.now.milliseconds + 60_001)
            #expect(try one.takeService(.current(), at: silent).epoch == second.epoch + 1)
            #expect(try two.beatService(second, at: silent) == false)
        }
    }
}
