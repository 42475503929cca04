import BatchControl
import BatchCore
import BatchLedger
import Testing

/// The queue in `control.db`, with a clock that the test holds.
struct QueueStoreTests {
    private static let me = LeaseOwner.current()
    /// A process of another run of another machine.
    private static let stranger = LeaseOwner(
        process: 7, startedAt: "1", boot: "elsewhere", namespace: "elsewhere", machine: "elsewhere")

    private func later(_ seconds: Int64) -> Timestamp {
        Timestamp(milliseconds: ControlScene.now.milliseconds + seconds * 1_000)
    }

    private func order(_ job: String = "raise") -> QueueOrder { QueueOrder(job: job, runAt: ControlScene.now) }

    @Test func aLateWorkerWritesNothing() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            _ = try file.enqueue(order(), actor: "ann", at: ControlScene.now)
            let first = try #require(try file.claim(Self.stranger, at: later(0)))
            // It cannot be looked at, and has spoken a moment ago.
            #expect(try file.claim(Self.me, at: later(30)) == nil)
            #expect(try file.beat(first, at: later(40)) == QueueBeat(isOurs: true, isStopWished: false))
            #expect(try file.claim(Self.me, at: later(90)) == nil)
            let second = try #require(try file.claim(Self.me, at: later(120)))
            #expect(second.epoch == first.epoch + 1)
            #expect(second.crashes == 1)
            #expect(second.runKey == first.runKey)
            #expect(try file.beat(first, at: later(121)).isOurs == false)
            #expect(try file.finish(first, .done(batch: "raise.1"), at: later(121)) == nil)
            #expect(try file.queueJob(1)?.state == .running)
            #expect(try file.finish(second, .done(batch: "raise.2"), at: later(122))?.batch == "raise.2")
            #expect(try file.queueAttempts(1).map(\.process) == [7, Self.me.process])
        }
    }

    @Test func oneJobIsTakenOnce() throws {
        try ControlScene.with { path in
            let (one, two) = (try ControlScene.open(path), try ControlScene.open(path))
            for _ in 0..<4 { _ = try one.enqueue(order(), actor: "ann", at: ControlScene.now) }
            var taken: [Int64] = []
            for _ in 0..<2 {
                for file in [one, two] {
                    let owner = LeaseOwner(
                        process: Int64(taken.count), startedAt: "1", boot: "b", namespace: "n", machine: "m")
                    if let job = try file.claim(owner, at: later(1)) { taken.append(job.number) }
                }
            }
            #expect(taken == [1, 2, 3, 4])
            #expect(try one.claim(Self.me, at: later(1)) == nil)
        }
    }

    @Test func aJobForLaterWaitsAndOneThatIsTooOldIsStuck() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            var order = order()
            order.runAt = later(3_600)
            _ = try file.enqueue(order, actor: "ann", at: ControlScene.now)
            #expect(try file.claim(Self.me, at: later(3_599)) == nil)
            let job = try #require(try file.queueJob(1))
            #expect(job.explanation(at: later(0), nil) == "not before \(later(3_600).iso8601)")
            #expect(!job.isStuck(at: later(3_600 + 86_400)))
            #expect(job.isStuck(at: later(3_600 + 86_401)))
            #expect(try file.claim(Self.me, at: later(3_600))?.number == 1)
        }
    }

    @Test func whatIsStuckIsToldOnce() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            let usual = QueueSettings.usualAges
            for _ in 0..<2 { _ = try file.enqueue(order(), actor: "ann", at: ControlScene.now) }
            #expect(try file.newlyStuck(usual, at: later(86_400)).isEmpty)
            let told = try file.newlyStuck(usual, at: later(86_401))
            #expect(told == [StuckJobs(job: "raise", state: .queued, count: 2, number: 1, since: ControlScene.now)])
            #expect(try file.newlyStuck(usual, at: later(86_402)).isEmpty)
            // What fails is stuck again, in another state, and stays so until somebody settles it.
            let job = try #require(try file.claim(Self.me, at: later(86_403)))
            _ = try file.finish(job, .failed(reason: "wrong"), at: later(86_404))
            #expect(try file.newlyStuck(usual, at: later(86_404 + 7 * 86_400)).isEmpty)
            let failed = try file.newlyStuck(usual, at: later(86_405 + 7 * 86_400))
            #expect(failed.map(\.state) == [.failed] && failed.map(\.count) == [1])
            // Other ages are another question.
            var shorter = usual
            shorter[.failed] = .seconds(60)
            #expect(try file.newlyStuck(shorter, at: later(86_406 + 7 * 86_400)).count == 2)
            let stuck = QueueFilter(stuckAt: later(86_404 + 61), ages: shorter)
            #expect(try file.queueCount(stuck) == 2)
            #expect(try file.queueCount(QueueFilter(stuckAt: later(86_404 + 61))) == 1)
        }
    }

    @Test func aPlanThatExpiresIsNeverApproved() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            _ = try file.enqueue(order(), actor: "ann", at: ControlScene.now)
            let job = try #require(try file.claim(Self.me, at: later(0)))
            let plan = try file.addPlan { ControlScene.plan($0) }
            let waiting = try #require(try file.finish(job, .planned(plan: plan.id.number), at: later(0)))
            #expect(waiting.state == .waiting)
            #expect(waiting.explanation(at: later(0), nil) == "plan.1 waits for approval")
            // The plan of the scene expires when it is made.
            #expect(try file.claim(Self.me, at: later(1)) == nil)
            #expect(try file.queueJob(1)?.state == .failed)
            #expect(try file.queueJob(1)?.reason == "plan.1 expired")
        }
    }

    @Test func waitsGrowAndEndInDeath() {
        var job = QueueJob(
            number: 1, order: order(), runKey: "k", actor: "ann", createdAt: ControlScene.now, state: .running,
            stateAt: ControlScene.now, attempts: 1)
        let failure = BatchError(.commandFailed, "no", hint: "")
        let reason = "ERR_INTEGRATION_COMMAND_FAILED: no"
        func outcome(_ error: BatchError) -> QueueOutcome { QueueOutcome(error, of: job, at: later(0), jitter: 0) }
        #expect(outcome(failure) == .again(reason: reason, at: later(5)))
        job.attempts = 2
        #expect(outcome(failure) == .again(reason: reason, at: later(10)))
        job.attempts = 3
        #expect(outcome(failure) == .gaveUp(reason: reason))
        #expect(outcome(BatchError(.constraint, "x", hint: "")) == .failed(reason: "ERR_DATA_CONSTRAINT: x"))
        #expect(outcome(BatchError(.busy, "b", hint: "")) == .heldBack(reason: "ERR_PERF_BUSY: b", until: later(2)))
    }

    @Test func whatIsSettledIsForgottenInTheEnd() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            for _ in 0..<2 { _ = try file.enqueue(order(), actor: "ann", at: ControlScene.now) }
            let job = try #require(try file.claim(Self.me, at: later(0)))
            _ = try file.finish(job, .done(batch: "raise.1"), at: later(1))
            try file.forgetJobs(settledBefore: later(1), removedBefore: later(1))
            #expect(try file.queueJobs(QueueFilter()).count == 2)
            try file.forgetJobs(settledBefore: later(2), removedBefore: later(2))
            #expect(try file.queueJobs(QueueFilter()).map(\.number) == [2])
            #expect(try file.queueAttempts(1).isEmpty)
        }
    }
}
