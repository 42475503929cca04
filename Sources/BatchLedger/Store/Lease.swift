public import BatchCore
internal import BatchSystem
internal import Synchronization

/// The right to run batches on one database: one owner at a time, whoever it is and by whatever name the file is
/// opened.
///
/// It is a row of the database itself. Whoever takes it raises its epoch, and every transaction of the owner looks
/// first whether the epoch is still its own: a process that was taken for dead and wakes up writes nothing more.
public final class Lease {
    private let connection: Connection
    public let epoch: Int64
    private let token: String
    private var isHeld = true

    private init(_ connection: Connection, epoch: Int64, token: String) {
        self.connection = connection
        self.epoch = epoch
        self.token = token
        Lease.held.withLock { _ = $0.insert(token) }
    }

    deinit { giveBack() }

    /// Leases that this process has, so that it does not take its own for those of a process before it.
    private static let held = Mutex<Set<String>>([])

    static func isHeld(_ token: String) -> Bool { held.withLock { $0.contains(token) } }

    // MARK: Taking

    /// Takes the lease, or takes it over from an owner that is dead. Makes the tables of the ledger where there are
    /// none. From here on each transaction on the connection of the ledger is refused when the lease is lost.
    /// - Parameters:
    ///   - tenant: for whom it is taken; it is told nothing of the batches of others.
    ///   - rules: when an owner is dead that cannot be looked at from here.
    ///   - first: done in the same transaction, before the lease is looked at.
    /// - Throws: `ERR_PERF_BUSY` naming the owner; `ERR_UX_WRONG_STATE` when the file has a second name.
    public static func take(
        _ ledger: Ledger, for work: LeaseWork, of tenant: String? = nil, at time: Timestamp, rules: Rules = Rules(),
        id: () -> String,
        first: () throws(BatchError) -> Void = {}
    ) throws(BatchError) -> Lease {
        let table = LeaseTable(ledger.connection, for: tenant)
        try table.requireOneName()
        // Most owners can be seen to live without waiting for their transaction to end.
        if let row = try table.read(), row.isFirmlyHeld { throw table.busy(row) }
        var seen: LeaseTable.Row?
        while true {
            let token = id()
            let answer: LeaseTable.Answer
            do throws(BatchError) {
                answer = try ledger.connection.transaction { () throws(BatchError) in
                    try ledger.ready(databaseID: id)
                    try first()
                    return try table.take(work, token: token, at: time, rules: rules, seen: seen)
                }
            } catch {
                // The row says who has locked the file, where it can be read.
                guard error.code == .busy, let row = try? table.read(), row.isHeld else { throw error }
                throw table.busy(row)
            }
            switch answer {
            case .taken(let epoch): return Lease.begin(ledger.connection, epoch: epoch, token: token)
            case .held(let row): throw table.busy(row)
            case .ask(let row):
                seen = row
                rules.pause(Rules.gap)
            }
        }
    }

    /// Takes the lease in the transaction that is open, for a host whose batch begins in it.
    /// - Throws: `ERR_PERF_BUSY` naming the owner; `ERR_UX_WRONG_STATE` when the file has a second name.
    public static func join(_ connection: Connection, for work: LeaseWork, at time: Timestamp, token: String)
        throws(BatchError) -> Lease
    {
        let table = LeaseTable(connection)
        try table.requireOneName()
        switch try table.take(work, token: token, at: time, rules: Rules(), seen: nil) {
        case .taken(let epoch): return Lease(connection, epoch: epoch, token: token)
        case .held(let row), .ask(let row): throw table.busy(row)
        }
    }

    private static func begin(_ connection: Connection, epoch: Int64, token: String) -> Lease {
        connection.fence = { (connection) throws(BatchError) in try LeaseTable(connection).require(epoch) }
        return Lease(connection, epoch: epoch, token: token)
    }

    // MARK: Holding

    /// Tells others which batch it is. Call it in the transaction that begins the batch.
    public func note(_ batch: BatchID) throws(BatchError) { try LeaseTable(connection).note(batch, epoch: epoch) }

    /// Call it in the transaction of each checkpoint of a host.
    /// - Throws: `ERR_PERF_LEASE_LOST`.
    public func renew(at time: Timestamp) throws(BatchError) {
        try LeaseTable(connection).require(epoch)
        try LeaseTable(connection).beat(epoch, at: time)
    }

    /// Somebody asked to stop. False also while it cannot be read.
    public var isStopRequested: Bool {
        guard connection.isAutocommit, let row = try? LeaseTable(connection).read() else { return false }
        return row.epoch == epoch && row.isStopRequested
    }

    /// Gives it back in the transaction that is open.
    public func giveBackInTransaction() throws(BatchError) { try LeaseTable(connection).giveBack(epoch) }

    /// Gives it back. What cannot be written now ends with the process.
    public func giveBack() {
        guard isHeld else { return }
        isHeld = false
        connection.fence = nil
        // In the middle of a transaction of a host it goes with that.
        if connection.isAutocommit {
            // A power cut may undo it: then its owner is of a boot that is gone.
            try? connection.lazily { () throws(BatchError) in try LeaseTable(connection).giveBack(epoch) }
        }
        forget()
    }

    /// The row is not ours any more, or is gone with its transaction.
    public func forget() {
        isHeld = false
        _ = Lease.held.withLock { $0.remove(token) }
    }

    /// When an owner counts as dead that cannot be looked at from here.
    public struct Rules: Sendable {
        /// An owner that does not answer for so many milliseconds, by the clock of whoever asks, is dead.
        public let silence: Int64
        /// Waits for milliseconds.
        public let pause: @Sendable (Int64) -> Void

        public init(silence: Int64 = 30_000, pause: (@Sendable (Int64) -> Void)? = nil) {
            self.silence = silence
            self.pause = pause ?? { WallClock.sleep(milliseconds: $0) }
        }

        /// Between two checkpoints a host has no transaction open for a moment. Whoever can write twice, so many
        /// milliseconds apart, without a checkpoint in between, sees that its batch is gone.
        static let gap: Int64 = 1_000
    }
}

/// What the owner of a lease does.
public struct LeaseWork: Hashable, Sendable {
    /// A verb of the tool, or `host`.
    public let kind: String
    /// The job, where that is known before the batch has its number.
    public let job: String?
    public let batch: String?

    public init(_ kind: String, job: String? = nil, batch: String? = nil) {
        self.kind = kind
        self.job = job
        self.batch = batch
    }

    public static let host = "host"
    /// Jobs of a worker, one after the other: it lets go between two of them when somebody waits.
    public static let queue = "queue"

    public var words: String { batch ?? job ?? kind }
}

/// A process, named so that it cannot be taken for another: ids of processes are used again.
public struct LeaseOwner: Hashable, Sendable {
    public let process: Int64
    /// When the process began, in ticks since the machine did; from the kernel.
    public let startedAt: String
    /// The run of the machine, from when it was switched on.
    public let boot: String
    /// Process ids of two containers are not the same ids.
    public let namespace: String
    /// Which machine; empty when it does not know.
    public let machine: String

    public init(process: Int64, startedAt: String, boot: String, namespace: String, machine: String) {
        self.process = process
        self.startedAt = startedAt
        self.boot = boot
        self.namespace = namespace
        self.machine = machine
    }

    /// This process.
    public static func current() -> LeaseOwner {
        let process = Int64(Environment.processID)
        return known.withLock { known in
            // A process that was forked from this one is another.
            if let known, known.process == process { return known }
            let owner = LeaseOwner(
                process: process, startedAt: ProcessTable.startTime(of: process) ?? "",
                boot: ProcessTable.bootID, namespace: ProcessTable.namespace,
                machine: machineName)
            known = owner
            return owner
        }
    }

    /// To ask the kernel costs more than a batch of one row does.
    private static let known = Mutex<LeaseOwner?>(nil)

    public enum Life: Sendable {
        case alive, dead
        /// It cannot be told from here.
        case unknown
    }

    /// Looked at from this process.
    public var life: Life { life(seenFrom: .current()) }

    func life(seenFrom observer: LeaseOwner) -> Life {
        guard !boot.isEmpty, boot == observer.boot else {
            // The same machine has been switched on again since.
            return !machine.isEmpty && machine == observer.machine && !observer.boot.isEmpty ? .dead : .unknown
        }
        guard !namespace.isEmpty, namespace == observer.namespace else { return .unknown }
        return ProcessTable.startTime(of: process) == startedAt ? .alive : .dead
    }

    /// The name of a machine is a secret of it, so it is hashed.
    private static let machineName: String = {
        guard let id = ProcessTable.machineID else { return "" }
        return RowCodec.hash([.string("batchmgr"), .string(id)]).description
    }()
}
