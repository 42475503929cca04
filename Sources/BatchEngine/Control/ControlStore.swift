public import BatchControl
public import BatchCore

/// A control store with the leases on databases.
public protocol ControlStore: BatchControl.ControlStore {
    /// Takes the lease on a database, or takes it over from a dead owner.
    /// - Throws: `ERR_PERF_BUSY` naming the live owner.
    func acquire(_ database: String, for work: String, owner: LeaseOwner, at time: Timestamp) throws(BatchError)
        -> Int64

    /// Says that the owner is alive. False when somebody else has the lease.
    func beat(_ database: String, epoch: Int64, at time: Timestamp) throws(BatchError) -> Bool

    func release(_ database: String, epoch: Int64) throws(BatchError)

    /// The owner of the lease, dead or alive; nil when nobody has it.
    func holder(of database: String) throws(BatchError) -> LeaseHolder?

    /// Asks the owner of the lease to stop at the next checkpoint.
    func requestStop(_ database: String) throws(BatchError)
    func isStopRequested(_ database: String, epoch: Int64) throws(BatchError) -> Bool
}
