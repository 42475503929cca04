public import BatchCore
public import BatchLedger

/// The service of a workspace: one process at a time keeps its time and its workers.
public struct ServiceRecord: Hashable, Sendable {
    /// Rises with every service that begins.
    public let epoch: Int64
    /// Nil when it has ended in good order.
    public let owner: LeaseOwner?
    public let takenAt: Timestamp
    public let beatAt: Timestamp

    public init(epoch: Int64, owner: LeaseOwner?, takenAt: Timestamp, beatAt: Timestamp) {
        self.epoch = epoch
        self.owner = owner
        self.takenAt = takenAt
        self.beatAt = beatAt
    }

    /// An owner that cannot be looked at from here is dead when it says nothing for so many milliseconds.
    static let silence: Int64 = 60_000

    public func isRunning(at now: Timestamp) -> Bool {
        guard let owner else { return false }
        switch owner.life {
        case .alive: return true
        case .dead: return false
        case .unknown: return abs(now.milliseconds - beatAt.milliseconds) <= ServiceRecord.silence
        }
    }
}

/// Who is the service. Every operation is one whole transaction.
public protocol ServiceStore: AnyObject {
    /// False when the store was removed, or another one is in its place: what is written here is read by nobody.
    var isCurrent: Bool { get }

    /// Nil when there never was one.
    func service() throws(BatchError) -> ServiceRecord?

    /// - Throws: `ERR_PERF_BUSY` while another one runs.
    func takeService(_ owner: LeaseOwner, at now: Timestamp) throws(BatchError) -> ServiceRecord

    /// - Returns: false when another process is the service now.
    func beatService(_ record: ServiceRecord, at now: Timestamp) throws(BatchError) -> Bool

    func leaveService(_ record: ServiceRecord, at now: Timestamp) throws(BatchError)

    /// Wishes that a part begins anew, with a row in the audit; a wish for it that is open already is the answer.
    func wishRestart(_ kind: ServiceRestart.Kind, _ act: ControlAct) throws(BatchError) -> ServiceRestart
    /// The first wish that is open, or the latest one; nil when there never was one.
    func lastRestart() throws(BatchError) -> ServiceRestart?
    /// One more worker has begun anew, with a row in the audit.
    func noteRestarted(_ restart: ServiceRestart, worker: Int64, _ act: ControlAct) throws(BatchError)
    func endRestart(_ restart: ServiceRestart, at now: Timestamp) throws(BatchError)
    /// Why the service ended a worker: the attempt that it was at says so.
    func noteEnd(of worker: Int64, _ reason: String) throws(BatchError)
}
