public import BatchCore
public import BatchLedger

/// Which jobs of the queue are meant. Nil: any.
public struct QueueFilter: Hashable, Sendable {
    public var states: [QueueState]
    public var job: String?
    public var tenant: String?
    /// Only jobs with a smaller number.
    public var before: Int64?
    /// Those that are in their state for too long at this time.
    public var stuckAt: Timestamp?
    /// How long that is.
    public var ages: [QueueState: Duration]
    /// Those that were removed in the last 24 hours, instead of those that are there.
    public var isRemoved: Bool
    /// At most so many.
    public var limit: Int?

    public init(
        states: [QueueState] = [], job: String? = nil, tenant: String? = nil, before: Int64? = nil,
        stuckAt: Timestamp? = nil, ages: [QueueState: Duration] = QueueSettings.usualAges, isRemoved: Bool = false,
        limit: Int? = nil
    ) {
        self.states = states
        self.job = job
        self.tenant = tenant
        self.before = before
        self.stuckAt = stuckAt
        self.ages = ages
        self.isRemoved = isRemoved
        self.limit = limit
    }
}

/// What can be done to many jobs at once.
public enum QueueBulkAction: String, Hashable, Sendable, CaseIterable {
    case cancel
    case retry
    case resolve
    /// Out of all lists; for 24 hours it can be taken back.
    case remove
    /// Back into the lists.
    case restore

    /// The states of jobs that it can be done to.
    public var states: [QueueState] {
        switch self {
        case .cancel: [.queued, .running, .waiting, .retrying]
        case .retry: [.failed, .dead, .cancelled]
        case .resolve: [.failed, .dead]
        case .remove: QueueState.allCases.filter { $0 != .running }
        case .restore: QueueState.allCases
        }
    }

    /// Whoever does it says why.
    public var needsReason: Bool { self != .retry && self != .restore }
}

/// A place among the changes of jobs, by when they happened: thousands may happen at the same moment.
public struct QueueChangePlace: Hashable, Sendable {
    public let at: Timestamp
    public let number: Int64

    public init(at: Timestamp, number: Int64) {
        self.at = at
        self.number = number
    }
}

/// What a worker hears when it says that it is still there.
public struct QueueBeat: Hashable, Sendable {
    /// False: somebody else has the job now.
    public let isOurs: Bool
    /// Somebody cancelled the job.
    public let isStopWished: Bool

    public init(isOurs: Bool, isStopWished: Bool) {
        self.isOurs = isOurs
        self.isStopWished = isStopWished
    }
}

/// What the queue says in figures, beside its counts.
public struct QueueFigures: Hashable, Sendable {
    /// Since when the oldest job waits that could run; nil when there is none.
    public let oldestReady: Timestamp?
    public let attempts: Int64
    public let crashes: Int64

    public init(oldestReady: Timestamp?, attempts: Int64, crashes: Int64) {
        self.oldestReady = oldestReady
        self.attempts = attempts
        self.crashes = crashes
    }
}

/// The queue, as processes share it. Every operation is one whole transaction.
public protocol QueueStore: AnyObject {
    /// Adds a job durably, unless an open one has its unique key: then that one is the answer.
    func enqueue(
        _ order: QueueOrder, actor: String, at now: Timestamp
    ) throws(BatchError) -> (job: QueueJob, isNew: Bool)

    /// Adds all of these, or none; what this step has added before is the answer.
    func enqueue(
        _ orders: [QueueOrder], by step: QueuingStep, actor: String, at now: Timestamp
    ) throws(BatchError) -> [Int64]
    /// What the steps of a batch have queued.
    /// - Parameter identity: as in `QueuingStep`.
    func queueJobs(queuedBy batch: String, _ identity: String) throws(BatchError) -> [QueueJob]
    /// The job that waits for a plan; nil when there is none.
    func queueJob(plan: Int) throws(BatchError) -> QueueJob?

    /// How many there are.
    func queueCount(_ filter: QueueFilter) throws(BatchError) -> Int
    /// How many of these can be acted on.
    func queueCount(_ action: QueueBulkAction, _ filter: QueueFilter) throws(BatchError) -> Int
    /// Does it to the next ones after a number, some thousands in one transaction.
    /// - Returns: how many were changed, and the number to go on after; nil when that were the last.
    func act(
        _ action: QueueBulkAction, _ filter: QueueFilter, behind number: Int64, reason: String, at now: Timestamp
    ) throws(BatchError) -> (changed: Int, last: Int64?)
    /// At most so many of these jobs run at the same time; nil: any number.
    func setQueueLimit(_ most: Int?, of subject: QueueLimit.Subject) throws(BatchError)
    func queueLimits() throws(BatchError) -> [QueueLimit]

    func queueJob(_ number: Int64) throws(BatchError) -> QueueJob?
    /// The job with this run key that was begun, and is not done; nil when there is none.
    func begunJob(runKey: String) throws(BatchError) -> QueueJob?
    /// The latest first.
    func queueJobs(_ filter: QueueFilter) throws(BatchError) -> [QueueJob]
    /// Those whose state has changed behind a place, the earliest change first.
    func queueJobs(changedBehind place: QueueChangePlace, limit: Int) throws(BatchError) -> [QueueJob]
    func queueCounts() throws(BatchError) -> [QueueState: Int]
    func queueFigures() throws(BatchError) -> QueueFigures
    /// What has become stuck since it was asked last with these ages: each job once while it is in its state.
    func newlyStuck(_ ages: [QueueState: Duration], at now: Timestamp) throws(BatchError) -> [StuckJobs]
    func queueAttempts(_ number: Int64) throws(BatchError) -> [QueueAttempt]
    /// What stands before open jobs beside time and workers, by their numbers; it costs as much as there are jobs asked for.
    func obstacles(before jobs: [QueueJob]) throws(BatchError) -> [Int64: QueueObstacle]

    /// Takes the next job for a worker that has none: the highest priority first, then the oldest. Jobs of workers that are
    /// dead are put back before, and jobs whose plan was decided are settled.
    /// - Parameter place: the database that the worker has open: its jobs come first among those of the same priority.
    ///   The others are looked after when a worker claims without it.
    func claim(_ worker: LeaseOwner, at now: Timestamp, on place: String?) throws(BatchError) -> QueueJob?
    /// When a job is tried again within minutes, or one within seconds for which the database was busy; nil when there is
    /// none that is worth waiting for.
    func nextLook(after now: Timestamp) throws(BatchError) -> Timestamp?
    func beat(_ job: QueueJob, at now: Timestamp) throws(BatchError) -> QueueBeat
    /// - Returns: the job as it stands now; nil when it was taken from this worker meanwhile, and nothing was written.
    func finish(_ job: QueueJob, _ outcome: QueueOutcome, at now: Timestamp) throws(BatchError) -> QueueJob?
    /// The same, and takes the next job for the worker, as `claim` does: in one transaction.
    func finish(
        _ job: QueueJob, _ outcome: QueueOutcome, at now: Timestamp, claimingFor worker: LeaseOwner, on place: String
    ) throws(BatchError) -> (ended: QueueJob?, next: QueueJob?)

    /// Cancels an open job; one that runs is asked to stop.
    /// - Throws: `ERR_UX_WRONG_STATE`, as the next three; `ERR_UX_USAGE` when there is no such job.
    func cancel(_ number: Int64, reason: String, at now: Timestamp) throws(BatchError) -> QueueJob
    /// Puts a job back that is lost, cancelled or held back, with all its attempts.
    func retry(_ number: Int64, at now: Timestamp) throws(BatchError) -> QueueJob
    /// Settles a job that is lost.
    func resolve(_ number: Int64, reason: String, at now: Timestamp) throws(BatchError) -> QueueJob
    /// Puts all of these back that are lost, in their order.
    func redrive(_ filter: QueueFilter, at now: Timestamp) throws(BatchError) -> [Int64]

    func queuePauses() throws(BatchError) -> [QueuePause]
    func pause(_ pause: QueuePause) throws(BatchError)
    /// - Returns: false when nothing was paused.
    func unpause(job: String?) throws(BatchError) -> Bool

    /// Forgets jobs that were settled or removed before these times.
    func forgetJobs(settledBefore time: Timestamp, removedBefore removal: Timestamp) throws(BatchError)
}

extension QueueStore {
    /// What stands before one job.
    public func obstacle(before job: QueueJob) throws(BatchError) -> QueueObstacle? {
        try obstacles(before: [job])[job.number]
    }

    /// For a worker that has no database open.
    public func claim(_ worker: LeaseOwner, at now: Timestamp) throws(BatchError) -> QueueJob? {
        try claim(worker, at: now, on: nil)
    }
}
