/// How often a step is tried, and how long it waits in between: the wait doubles each time, up to a cap.
public struct RetryPolicy: Sendable, Hashable {
    /// Attempts in all, the first one included; at least 1.
    public let attempts: Int
    /// Milliseconds before the second attempt.
    public let backoff: Int64
    /// Milliseconds that no wait exceeds.
    public let cap: Int64

    public static let once = RetryPolicy(attempts: 1, backoff: 0)

    public init(attempts: Int, backoff: Int64, cap: Int64 = 300_000) {
        self.attempts = max(1, attempts)
        self.backoff = max(0, backoff)
        self.cap = max(0, cap)
    }

    /// - Parameter attempt: the attempt that failed, counted from 1.
    /// - Returns: milliseconds to wait before the next one; nil to give up.
    public func wait(afterAttempt attempt: Int, failure: Failure) -> Int64? {
        guard failure == .passing, attempt < attempts else { return nil }
        // Beyond 2^62 ms the cap holds anyway; the shift must not overflow before that.
        let doublings = min(max(0, attempt - 1), 62)
        let (wait, overflow) = backoff.multipliedReportingOverflow(by: 1 << Int64(doublings))
        return overflow ? cap : min(wait, cap)
    }

    /// Runs `attempt` until it succeeds, fails for good, or the attempts are used up.
    /// - Parameters:
    ///   - sleep: waits that many milliseconds; false when a stop was asked for meanwhile, which ends the attempts.
    ///   - onRetry: told of each failure that is followed by a wait: the attempt, its error, the wait.
    ///   - attempt: one attempt, counted from 1.
    public func run<Result>(
        sleep: (Int64) -> Bool, onRetry: (Int, BatchError, Int64) -> Void = { _, _, _ in },
        attempt perform: (Int) throws(BatchError) -> Result
    ) throws(BatchError) -> Result {
        var attempt = 1
        while true {
            let failure: BatchError
            do throws(BatchError) { return try perform(attempt) } catch { failure = error }
            guard let wait = wait(afterAttempt: attempt, failure: Failure(failure.code)) else { throw failure }
            onRetry(attempt, failure, wait)
            guard sleep(wait) else { throw failure }
            attempt += 1
        }
    }

    /// Whether the same attempt could succeed a little later.
    public enum Failure: Sendable {
        /// The surroundings failed: a lock, a command, a disk. Trying again makes sense.
        case passing
        /// The request, the data or a policy says no; it will say so again.
        case lasting

        public init(_ code: ErrorCode) {
            switch code {
            case .busy, .timeout, .diskFull, .file, .git, .commandFailed, .pluginFailed, .compensationFailed,
                .notifyFailed:
                self = .passing
            default:
                self = .lasting
            }
        }
    }
}

/// Spans of time as people write them: `500ms`, `90s`, `15m`, `2h`, `7d`. Command line and catalog read them alike.
extension Duration {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// Nil when the text is not a whole number above zero, of at most nine digits, with a unit directly after it.
    public init?(text: String) {
        let digits = text.utf8.prefix { $0 >= 48 && $0 <= 57 }
        guard let first = digits.first, first != 48, digits.count <= 9, let count = Int64(Substring(digits)) else {
            return nil
        }
        let name = String(text.utf8.dropFirst(digits.count)) ?? ""
        guard let unit = Duration.units.first(where: { $0.name == name }) else { return nil }
        self = .milliseconds(count * unit.milliseconds)
    }

    /// In the largest unit that says it exactly; `init(text:)` reads it back.
    public var text: String {
        let total = wholeMilliseconds
        let unit = Duration.units.last { total != 0 && total % $0.milliseconds == 0 } ?? Duration.units[0]
        return "\(total / unit.milliseconds)\(unit.name)"
    }

    /// Rounded down.
    public var wholeMilliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
