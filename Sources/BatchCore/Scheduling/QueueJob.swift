/// Where a job of the queue stands.
public enum QueueState: String, Hashable, Sendable, CaseIterable {
    /// Ready, or not due yet.
    case queued
    case running
    /// Something holds it back: a busy database, a switch, a plan that nobody has approved.
    case waiting
    /// It failed, or its worker died, and it is tried again.
    case retrying
    case done
    /// It failed, and would fail again.
    case failed
    /// Attempts or replays are used up, or nobody knows what was done.
    case dead
    case cancelled
    /// It failed, and somebody has settled it.
    case resolved

    /// Something may still become of it without anybody's doing.
    public var isOpen: Bool { [.queued, .running, .waiting, .retrying].contains(self) }

    /// Nothing runs it again unless somebody says so.
    public var isLost: Bool { self == .failed || self == .dead }

    /// As SQL lists them.
    public static func list(where isMeant: (QueueState) -> Bool) -> String {
        allCases.filter(isMeant).map { "'\($0.rawValue)'" }.joined(separator: ", ")
    }
}

/// What `queue:` in `batchmgr.yaml` says.
public struct QueueSettings: Hashable, Sendable {
    /// How long a job may be in a state before somebody should look. What is done, cancelled or settled is forgotten.
    public var ages = QueueSettings.usualAges

    /// MiB that a worker of the service may hold: after the job with which it has more, it ends. One that holds twice as
    /// much is ended at once.
    public var workerMemory = 1_024

    public init() {}

    public static let usualAges: [QueueState: Duration] = [
        .queued: .seconds(86_400), .running: .seconds(6 * 3_600), .waiting: .seconds(7 * 86_400),
        .retrying: .seconds(86_400), .failed: .seconds(7 * 86_400), .dead: .seconds(7 * 86_400),
    ]
}

/// Jobs of one definition that have been in one state for too long.
public struct StuckJobs: Hashable, Sendable {
    public let job: String
    public let state: QueueState
    public let count: Int
    /// The first of them.
    public let number: Int64
    public let since: Timestamp

    public init(job: String, state: QueueState, count: Int, number: Int64, since: Timestamp) {
        self.job = job
        self.state = state
        self.count = count
        self.number = number
        self.since = since
    }

    /// - Parameter age: of its state.
    public func words(_ age: Duration) -> String {
        let jobs = count == 1 ? "job \(number) (\(job)) is" : "\(count) jobs of \(job) are"
        let first = count == 1 ? "" : "the first, job \(number), "
        return "\(jobs) \(state.rawValue) for more than \(age.text): \(first)since \(since.seconds)"
    }
}

/// A job to put into the queue.
public struct QueueOrder: Hashable, Sendable {
    public let job: String
    public var tenant: String?
    /// `NAME=VALUE`, as typed.
    public var assignments: [String]
    /// Higher ones first.
    public var priority: Int
    public var runAt: Timestamp
    /// While a job with this key is open, another is not added.
    public var uniqueKey: String?
    /// Jobs with this key run one after the other, in the order in which they were added.
    public var sequenceKey: String?
    public var retry: RetryPolicy
    public var timeout: Duration?
    /// The schedule that has queued it.
    public var schedule: String?
    /// The step of a batch that has queued it.
    public var queuedBy: QueuingStep?
    /// The database that one worker at a time can work on; empty where that is not known.
    public var place = ""
    public var kind = Kind.batch
    /// The trace of what has queued it: a firing, a request, a step, a command.
    public var origin: TraceOrigin?

    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A job of the catalog.
        case batch
        /// A repair: a batch for each tenant who has something wrong.
        case heal
        /// A job with `audit.*` steps.
        case audit
        /// A job with `ocr.*` steps.
        case ocr

        public init(of job: JobDefinition?) {
            func has(_ prefix: String) -> Bool { job?.steps.contains { $0.kind.hasPrefix(prefix) } == true }
            self = job?.repair != nil ? .heal : has("audit.") ? .audit : has("ocr.") ? .ocr : .batch
        }
    }

    public init(
        job: String, tenant: String? = nil, assignments: [String] = [], priority: Int = 0, runAt: Timestamp,
        uniqueKey: String? = nil, sequenceKey: String? = nil, retry: RetryPolicy = QueueOrder.retry,
        timeout: Duration? = nil
    ) {
        self.job = job
        self.tenant = tenant
        self.assignments = assignments
        self.priority = priority
        self.runAt = runAt
        self.uniqueKey = uniqueKey
        self.sequenceKey = sequenceKey
        self.retry = retry
        self.timeout = timeout
    }

    public static let retry = RetryPolicy(attempts: 3, backoff: 5_000)
}

/// A step of a batch that has put jobs into the queue.
public struct QueuingStep: Hashable, Sendable {
    /// The batch, by its name.
    public let batch: String
    public let step: String
    /// Which batch of this name: another database may have one, and a rebuilt database another one. Empty for jobs that an
    /// older program has queued.
    public let identity: String

    public init(batch: String, step: String, identity: String) {
        self.batch = batch
        self.step = step
        self.identity = identity
    }

    /// Of `name`; nil for anything else.
    public init?(name: String, identity: String) {
        let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { return nil }
        self.init(batch: parts[0], step: parts[1], identity: identity)
    }

    /// `load.3/parts`
    public var name: String { "\(batch)/\(step)" }
}

/// A job in the queue.
public struct QueueJob: Hashable, Sendable {
    /// A job whose worker died is started again by itself so often within `replaySpan`.
    public static let mostReplays = 3
    public static let replaySpan: Duration = .seconds(86_400)

    public let number: Int64
    public let order: QueueOrder
    /// The `--key` of its batch: the same in every attempt, so that no attempt does again what another has done.
    public let runKey: String
    public let actor: String
    public let createdAt: Timestamp
    public var state: QueueState
    /// Since when.
    public var stateAt: Timestamp
    /// Failures and crashes are counted apart.
    public var attempts: Int
    public var crashes: Int
    /// Rises with every claim: a worker that has lost the job can write nothing about it.
    public var epoch: Int64
    public var isStopWished: Bool
    /// Somebody has put it back since a worker last died with it.
    public var isPutBack = false
    /// What held it back, or what went wrong the last time.
    public var reason: String?
    public var batch: String?
    /// The plan that was made instead of a batch.
    public var plan: Int?

    public init(
        number: Int64, order: QueueOrder, runKey: String, actor: String, createdAt: Timestamp, state: QueueState,
        stateAt: Timestamp, attempts: Int = 0, crashes: Int = 0, epoch: Int64 = 0, isStopWished: Bool = false,
        reason: String? = nil, batch: String? = nil, plan: Int? = nil
    ) {
        self.number = number
        self.order = order
        self.runKey = runKey
        self.actor = actor
        self.createdAt = createdAt
        self.state = state
        self.stateAt = stateAt
        self.attempts = attempts
        self.crashes = crashes
        self.epoch = epoch
        self.isStopWished = isStopWished
        self.reason = reason
        self.batch = batch
        self.plan = plan
    }

    /// Whether it has been in its state for too long.
    public func isStuck(at now: Timestamp, _ ages: [QueueState: Duration] = QueueSettings.usualAges) -> Bool {
        guard let age = ages[state] else { return false }
        // A job for later is not late.
        let since = state == .queued || state == .retrying ? max(stateAt, order.runAt) : stateAt
        return now.milliseconds - since.milliseconds > age.wholeMilliseconds
    }
}

/// What stands before a job that nothing else holds back.
public enum QueueObstacle: Hashable, Sendable {
    /// The queue, or its jobs of one definition, are paused.
    case paused(QueuePause)
    /// An earlier job of its sequence is not settled.
    case behind(number: Int64, QueueState)
    /// As many as may run at the same time do.
    case limited(QueueLimit)
    /// One worker at a time works on a database.
    case besides(number: Int64)

    /// It goes by itself, so that a job for later is not said to wait for it.
    var isPassing: Bool {
        switch self {
        case .paused, .behind: false
        case .limited, .besides: true
        }
    }
}

/// How many jobs run at the same time at most.
public struct QueueLimit: Hashable, Sendable {
    public enum Subject: Hashable, Sendable {
        /// Of one definition.
        case job(String)
        case kind(QueueOrder.Kind)
    }

    public let subject: Subject
    public let most: Int

    public init(_ subject: Subject, most: Int) {
        self.subject = subject
        self.most = most
    }

    /// Whether it counts for a job.
    public func holds(for job: QueueOrder) -> Bool {
        switch subject {
        case .job(let name): job.job == name
        case .kind(let kind): job.kind == kind
        }
    }
}

/// Nothing is taken from the queue, or no job of one definition.
public struct QueuePause: Hashable, Sendable {
    /// Nil: all of it.
    public let job: String?
    public let actor: String
    public let reason: String
    public let at: Timestamp

    public init(job: String?, actor: String, reason: String, at: Timestamp) {
        self.job = job
        self.actor = actor
        self.reason = reason
        self.at = at
    }
}

/// How an attempt ended.
public enum QueueOutcome: Hashable, Sendable {
    /// Nil when nothing was to be done.
    case done(batch: String?)
    /// A plan was made, and waits for approval.
    case planned(plan: Int)
    /// It could not begin; that is no attempt.
    case heldBack(reason: String, until: Timestamp)
    /// It is tried again.
    case again(reason: String, at: Timestamp)
    case gaveUp(reason: String)
    case failed(reason: String)
    case cancelled(reason: String)

    public init(_ error: BatchError, of job: QueueJob, at now: Timestamp, jitter: Double) {
        let reason = "\(error.code.rawValue): \(error.message)"
        func later(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: now.milliseconds + milliseconds) }
        switch error.code {
        case .busy: self = .heldBack(reason: reason, until: later(2_000))
        case .fileMissing where error.cause == .noDatabase: self = .heldBack(reason: reason, until: later(10_000))
        case .safeMode, .jobDisabled, .moduleOff: self = .heldBack(reason: reason, until: later(60_000))
        default:
            // Who was stopped for its time, or has lost the database, goes on from its last checkpoint.
            let isPassing = error.code == .stopped || error.code == .leaseLost
            let failure = isPassing ? .passing : RetryPolicy.Failure(error.code)
            if let wait = job.order.retry.wait(afterAttempt: job.attempts, failure: failure) {
                self = .again(reason: reason, at: later(wait + Int64(Double(wait) * 0.2 * jitter)))
            } else {
                self = failure == .passing ? .gaveUp(reason: reason) : .failed(reason: reason)
            }
        }
    }
}
