public import BatchCore

/// A schedule as processes share it.
public struct ScheduleRecord: Hashable, Sendable {
    public struct Pause: Hashable, Sendable {
        public let actor: String
        public let reason: String
        public let at: Timestamp

        public init(actor: String, reason: String, at: Timestamp) {
            self.actor = actor
            self.reason = reason
            self.at = at
        }
    }

    /// Where it was declared.
    public enum Source: String, Hashable, Sendable {
        /// In the file of its job, and named as that.
        case catalog
        /// By `schedule add`.
        case command
    }

    public let name: String
    public let job: String
    public var definition: ScheduleDefinition
    public let source: Source
    public let actor: String
    /// All instants up to here are decided. It goes back when the clock does.
    public var seenTo: Timestamp
    /// The first one after it; nil when it never fires again.
    public var next: Timestamp?
    public var pause: Pause?

    public init(
        name: String, job: String, definition: ScheduleDefinition, source: Source, actor: String, seenTo: Timestamp,
        next: Timestamp?, pause: Pause? = nil
    ) {
        self.name = name
        self.job = job
        self.definition = definition
        self.source = source
        self.actor = actor
        self.seenTo = seenTo
        self.next = next
        self.pause = pause
    }
}

/// The schedules, as processes share them. Every operation is one whole transaction.
public protocol ScheduleStore: AnyObject {
    /// By name.
    func schedules() throws(BatchError) -> [ScheduleRecord]
    func schedule(_ name: String) throws(BatchError) -> ScheduleRecord?
    /// Those that fire now, and those that were looked at later than now: the clock was set back.
    func dueSchedules(at now: Timestamp) throws(BatchError) -> [ScheduleRecord]

    /// Adds it, or puts it in the place of the one with its name. What was paused stays so.
    func put(_ schedule: ScheduleRecord, at now: Timestamp) throws(BatchError)
    /// - Returns: false when there is none.
    func removeSchedule(_ name: String) throws(BatchError) -> Bool
    /// Nothing of the time while it was paused fires: `seenTo` and `next` are those of the record.
    func pause(_ schedule: ScheduleRecord, at now: Timestamp) throws(BatchError)

    /// Writes what was decided, and queues the jobs of it in the same transaction. An instant that has a firing is left out.
    /// - Parameters:
    ///   - schedule: as it was when it was decided; nothing is written when somebody else was faster.
    ///   - seenTo: with the next instant after it; nil leaves both, as for a backfill.
    ///   - orders: the jobs of a firing, but for their time.
    func fire(
        _ schedule: ScheduleRecord, _ planned: [PlannedFiring], cause: FiringCause,
        seenTo: (time: Timestamp, next: Timestamp?)?, at now: Timestamp, orders: (Timestamp) -> [QueueOrder]
    ) throws(BatchError) -> [Firing]

    /// Firings that wait for what they need, with the time until which they do.
    func waitingFirings() throws(BatchError) -> [(firing: Firing, until: Timestamp)]
    /// Nil when a job of the schedule was done at that time or later.
    func lacks(_ schedule: String, since time: Timestamp) throws(BatchError) -> Bool
    /// - Parameter orders: none give it up, for that reason.
    func settle(_ firing: Firing, _ orders: [QueueOrder], reason: String?, at now: Timestamp) throws(BatchError)
        -> Firing?

    /// The latest first.
    func firings(of schedule: String?, limit: Int) throws(BatchError) -> [Firing]
    /// Instants from `start` to `end` that have a firing which was not missed.
    func decided(_ schedule: String, from start: Timestamp, to end: Timestamp) throws(BatchError) -> Set<Timestamp>
}
