extension QueueJob {
    /// Why it is where it is, in one line.
    /// - Parameter obstacle: what stands before it.
    public func explanation(at now: Timestamp, _ obstacle: QueueObstacle?) -> String {
        let last = reason.map { "; before: \($0)" } ?? ""
        switch state {
        case .queued, .waiting, .retrying:
            if let obstacle, !obstacle.isPassing { return obstacle.words }
            if let plan { return "plan.\(plan) waits for approval" }
            let due =
                order.runAt > now ? "not before \(order.runAt.iso8601)" : obstacle?.words ?? "waits for a worker"
            if state == .waiting { return "\(reason ?? "held back"); checked again: \(due)" }
            return state == .queued ? due + last : "attempt \(attempts + 1), \(due)" + last
        case .running:
            return "attempt \(attempts) of \(order.retry.attempts) since \(stateAt.iso8601)" + last
        case .done: return batch ?? "done"
        case .failed: return reason ?? "it failed"
        case .dead, .cancelled, .resolved: return reason ?? state.rawValue
        }
    }

    func members(
        at now: Timestamp, _ obstacle: QueueObstacle?, _ ages: [QueueState: Duration]
    ) -> [JSONValue.Member] {
        [
            .init("id", .integer(number)), .init("kind", .string(order.kind.rawValue)),
            .init("job", .string(order.job)),
            .init("tenant", JSONValue(order.tenant)), .init("arguments", .array(order.assignments.map { .string($0) })),
            .init("state", .string(state.rawValue)), .init("why", .string(explanation(at: now, obstacle))),
            .init("priority", JSONValue(order.priority)), .init("run_at", .string(order.runAt.iso8601)),
            .init("unique_key", JSONValue(order.uniqueKey)), .init("sequence_key", JSONValue(order.sequenceKey)),
            .init("attempts", JSONValue(attempts)), .init("max_attempts", JSONValue(order.retry.attempts)),
            .init("crashes", JSONValue(crashes)), .init("timeout", JSONValue(order.timeout?.text)),
            .init("reason", JSONValue(reason)), .init("batch", JSONValue(batch)),
            .init("plan", JSONValue(plan.map { "plan.\($0)" })), .init("stuck", .bool(isStuck(at: now, ages))),
            .init("actor", .string(actor)), .init("created_at", .string(createdAt.iso8601)),
            .init("since", .string(stateAt.iso8601)), .init("trace_id", JSONValue(order.origin?.traceID)),
        ]
    }
}

extension QueueObstacle {
    public var words: String {
        switch self {
        case .paused(let pause):
            "\(pause.job.map { "jobs of \($0) are" } ?? "the queue is") paused by \(pause.actor): \(pause.reason)"
        case .behind(let number, let state): "after job \(number) of its sequence, which is \(state.rawValue)"
        case .limited(let limit): "as many run as may: \(limit.words)"
        case .besides(let number): "after job \(number), which works on the same database"
        }
    }
}

extension QueueLimit {
    public var words: String {
        switch subject {
        case .job(let name): "\(name): at most \(most) at the same time"
        case .kind(let kind): "kind \(kind.rawValue): at most \(most) at the same time"
        }
    }

    var json: JSONValue {
        switch subject {
        case .job(let name): ["job": .string(name), "most": JSONValue(most)]
        case .kind(let kind): ["kind": .string(kind.rawValue), "most": JSONValue(most)]
        }
    }
}

/// One attempt at a job.
public struct QueueAttempt: Hashable, Sendable {
    public let epoch: Int64
    public let process: Int64
    public let startedAt: Timestamp
    public let endedAt: Timestamp?
    /// Nil while it runs.
    public let outcome: String?

    public init(epoch: Int64, process: Int64, startedAt: Timestamp, endedAt: Timestamp?, outcome: String?) {
        self.epoch = epoch
        self.process = process
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.outcome = outcome
    }
}

/// `queue show`, and what the verbs answer that do something to one job
public struct QueueJobReport: Report, Hashable {
    public let entry: QueueListReport.Entry
    public let attempts: [QueueAttempt]
    /// False when `queue add` found an open job with the same unique key.
    public let isNew: Bool?
    public let now: Timestamp

    public init(entry: QueueListReport.Entry, attempts: [QueueAttempt] = [], isNew: Bool? = nil, now: Timestamp) {
        self.entry = entry
        self.attempts = attempts
        self.isNew = isNew
        self.now = now
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let tries = attempts.map { attempt -> JSONValue in
            [
                "attempt": .integer(attempt.epoch), "process": .integer(attempt.process),
                "started_at": .string(attempt.startedAt.iso8601), "ended_at": JSONValue(attempt.endedAt?.iso8601),
                "outcome": JSONValue(attempt.outcome),
            ]
        }
        return entry.job.members(at: now, entry.obstacle, entry.ages) + (isNew.map { [.init("new", .bool($0))] } ?? [])
            + JSONValue.Member.only("history", .array(tries))
    }
}

/// `queue list` and `queue dead list`
public struct QueueListReport: Report, Hashable {
    public let entries: [Entry]
    /// How many there are, also where fewer are listed.
    public let total: Int
    /// Of all jobs, whatever is listed.
    public let counts: [QueueState: Int]
    public let pauses: [QueuePause]
    public let now: Timestamp

    public init(
        entries: [Entry], total: Int, counts: [QueueState: Int], pauses: [QueuePause], now: Timestamp
    ) {
        self.entries = entries
        self.total = total
        self.counts = counts
        self.pauses = pauses
        self.now = now
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("jobs", .array(entries.map { .object($0.job.members(at: now, $0.obstacle, $0.ages)) })),
            .init("total", JSONValue(total)),
            .init(
                "counts",
                .object(QueueState.allCases.map { .init($0.rawValue, JSONValue(counts[$0] ?? 0)) })),
            .init(
                "paused",
                .array(
                    pauses.map { pause in
                        [
                            "job": JSONValue(pause.job), "actor": .string(pause.actor),
                            "reason": .string(pause.reason), "at": .string(pause.at.iso8601),
                        ]
                    })),
        ]
    }

    /// A job of the queue, and what stands before it.
    public struct Entry: Hashable, Sendable {
        public let job: QueueJob
        public let obstacle: QueueObstacle?
        /// How long it may be in its state.
        public let ages: [QueueState: Duration]

        public init(
            job: QueueJob, obstacle: QueueObstacle? = nil, ages: [QueueState: Duration] = QueueSettings.usualAges
        ) {
            self.job = job
            self.obstacle = obstacle
            self.ages = ages
        }
    }
}

/// `queue pause`, `queue resume` and `queue dead redrive`: how many it was about
public struct QueueChangeReport: Report, Hashable {
    public enum Change: Hashable, Sendable {
        case paused(job: String?)
        case resumed(job: String?)
        case redriven
    }

    public let change: Change
    public let jobs: [Int64]

    public init(_ change: Change, jobs: [Int64] = []) {
        self.change = change
        self.jobs = jobs
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        switch change {
        case .paused(let job): [.init("paused", true), .init("job", JSONValue(job))]
        case .resumed(let job): [.init("paused", false), .init("job", JSONValue(job))]
        case .redriven: [.init("redriven", .array(jobs.map { .integer($0) }))]
        }
    }
}

/// `queue bulk`
public struct QueueBulkReport: Report, Hashable {
    public let action: String
    /// How many there were.
    public let wanted: Int
    /// How many it was done to: fewer when it was stopped, or when others changed them meanwhile.
    public let done: Int

    public init(action: String, wanted: Int, done: Int) {
        self.action = action
        self.wanted = wanted
        self.done = done
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("action", .string(action)), .init("jobs", JSONValue(wanted)), .init("done", JSONValue(done)),
            .init("left", JSONValue(max(0, wanted - done))),
        ]
    }
}

/// `queue limit`
public struct QueueLimitReport: Report, Hashable {
    public let limits: [QueueLimit]

    public init(limits: [QueueLimit]) { self.limits = limits }

    public func members(_ call: CallOptions) -> [JSONValue.Member] { [.init("limits", .array(limits.map(\.json)))] }
}

/// `queue work`
public struct QueueWorkReport: Report, Hashable {
    /// Each attempt: the job, and how it stood afterwards.
    public private(set) var worked: [QueueJob] = []

    public init() {}

    public mutating func add(_ job: QueueJob) { worked.append(job) }

    public func count(_ state: QueueState) -> Int { worked.count { $0.state == state } }

    public var hasLost: Bool { worked.contains { $0.state.isLost } }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let jobs = worked.map { job -> JSONValue in
            [
                "id": .integer(job.number), "job": .string(job.order.job), "state": .string(job.state.rawValue),
                "batch": JSONValue(job.batch), "reason": JSONValue(job.reason),
            ]
        }
        let counts = QueueState.allCases.filter { count($0) > 0 }.map { ($0.rawValue, JSONValue(count($0))) }
        return [
            .init("attempts", JSONValue(worked.count)),
            .init("counts", .object(counts.map { .init($0.0, $0.1) })), .init("jobs", .array(jobs)),
        ]
    }
}
