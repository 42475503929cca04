import BatchCore
import Testing

@Suite struct RetryPolicyTests {
    static let failure = BatchError(.commandFailed, "no", hint: "none")

    @Test(
        "The wait doubles up to the cap, and stops with the attempts",
        arguments: [
            (1, Int64?(2_000)), (2, 4_000), (3, 8_000), (4, 10_000), (5, nil), (6, nil),
        ])
    func waits(attempt: Int, wait: Int64?) {
        let policy = RetryPolicy(attempts: 5, backoff: 2_000, cap: 10_000)
        #expect(policy.wait(afterAttempt: attempt, failure: .passing) == wait)
    }

    @Test("No number of attempts and no backoff overflows")
    func extremes() {
        let policy = RetryPolicy(attempts: .max, backoff: .max, cap: 60_000)
        for attempt in [1, 2, 63, 64, 1_000_000, Int.max - 1] {
            #expect(policy.wait(afterAttempt: attempt, failure: .passing) == 60_000)
        }
        #expect(RetryPolicy(attempts: 0, backoff: -5, cap: -1) == RetryPolicy(attempts: 1, backoff: 0, cap: 0))
    }

    @Test(
        "Only failures of the surroundings are tried again",
        arguments: [
            (ErrorCode.busy, RetryPolicy.Failure.passing), (.timeout, .passing), (.commandFailed, .passing),
            (.pluginFailed, .passing), (.diskFull, .passing), (.constraint, .lasting), (.checkFailed, .lasting),
            (.stopped, .lasting), (.forbiddenStatement, .lasting), (.pluginMissing, .lasting), (.usage, .lasting),
        ])
    func kinds(code: ErrorCode, kind: RetryPolicy.Failure) {
        #expect(RetryPolicy.Failure(code) == kind)
        let policy = RetryPolicy(attempts: 2, backoff: 1)
        #expect((policy.wait(afterAttempt: 1, failure: RetryPolicy.Failure(code)) != nil) == (kind == .passing))
    }

    @Test("It runs until success, waiting in between")
    func untilSuccess() throws {
        var waits: [Int64] = []
        var told: [Int] = []
        let result = try RetryPolicy(attempts: 4, backoff: 10).run(
            sleep: {
                waits.append($0)
                return true
            }, onRetry: { attempt, _, _ in told.append(attempt) },
            attempt: { attempt throws(BatchError) -> String in
                if attempt < 3 { throw Self.failure }
                return "attempt \(attempt)"
            })
        #expect(result == "attempt 3")
        #expect(waits == [10, 20])
        #expect(told == [1, 2])
    }

    @Test("The last failure is the one that is reported, after exactly the attempts allowed")
    func lastFailure() {
        var count = 0
        #expect(throws: BatchError(.busy, "attempt 3", hint: "")) {
            try RetryPolicy(attempts: 3, backoff: 1).run(
                sleep: { _ in true },
                attempt: { attempt throws(BatchError) in
                    count += 1
                    throw BatchError(.busy, "attempt \(attempt)", hint: "")
                })
        }
        #expect(count == 3)
    }

    @Test("A stop during the wait ends the attempts")
    func stopped() {
        var count = 0
        #expect(throws: Self.failure) {
            try RetryPolicy(attempts: 9, backoff: 1).run(
                sleep: { _ in false },
                attempt: { _ throws(BatchError) in
                    count += 1
                    throw Self.failure
                })
        }
        #expect(count == 1)
    }
}
