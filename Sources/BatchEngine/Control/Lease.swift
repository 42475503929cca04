internal import BatchCore

/// The right to run batches on one database: one process at a time.
public final class Lease {
    private let store: any ControlStore
    private let database: String
    private let epoch: Int64
    private let heartbeat: Heartbeat

    init(
        _ store: any ControlStore, folder: String, database: String, work: String, context: Context
    ) throws(BatchError) {
        self.store = store
        self.database = database
        epoch = try store.acquire(database, for: work, owner: .current(), at: context.now())
        heartbeat = Heartbeat(folder: folder, database: database, epoch: epoch, now: context.now)
    }

    /// Somebody typed `batchmgr stop`.
    var isStopRequested: Bool { (try? store.isStopRequested(database, epoch: epoch)) ?? false }

    deinit { try? store.release(database, epoch: epoch) }
}
