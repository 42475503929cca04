internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// The batch that is open on a connection of a host.
final class HostBatch {
    enum Phase {
        /// The host writes.
        case open
        /// One of our functions ends the transaction.
        case ending
        /// Everything is written, and the COMMIT of the host is on its way, or has failed.
        case sealed
        /// A COMMIT of the host was a checkpoint; the next row that changes goes on with the batch.
        case between
    }

    let gateway: Gateway
    let lease: Lease
    var record: BatchRecord
    var point: PointRecord
    /// The transaction was the host's before it was ours: it ends when the host says so.
    var isJoined: Bool
    let onCommit: BatchOptions.OnCommit
    /// The record as it was before the end of the batch was written.
    var sealed: BatchRecord
    /// A checkpoint is written, and COMMIT could not end it.
    var isWaiting = false
    /// The end of the batch is in the audit already, in the transaction that is open.
    var isAudited = false
    /// Of the last checkpoint.
    var number = 0
    /// How many checkpoints are committed, and the record as it was then.
    private(set) var committed = 0
    private var committedRecord: BatchRecord?
    /// Nothing had changed yet, in the transaction that is open.
    private var start: Gateway.Mark?
    var phase = Phase.open {
        didSet { gateway.isHostWriting = phase == .open }
    }
    /// The savepoints that were open when the batch began: going back to one of them takes all of the batch back.
    private(set) var base: Int
    private var marks: [(savepoint: Int32, mark: Gateway.Mark)] = []

    /// The process that began it. One that was forked from it has neither its locks nor its threads.
    let process = Environment.processID

    /// Begins in the middle of a transaction of the host.
    static let savepoint = "batchmgr_batch"
    /// Before the end of a batch is written.
    static let ending = "batchmgr_ending"

    init(
        _ gateway: Gateway, _ lease: Lease, _ record: BatchRecord, _ point: PointRecord, isJoined: Bool, base: Int,
        onCommit: BatchOptions.OnCommit
    ) {
        self.gateway = gateway
        self.lease = lease
        self.record = record
        self.point = point
        self.isJoined = isJoined
        self.base = base
        self.onCommit = onCommit
        sealed = record
        gateway.isHostWriting = true
    }

    var name: BatchID { record.batch }

    // MARK: Savepoints

    func mark(_ savepoint: Int32) { marks.append((savepoint, gateway.mark())) }

    /// - Parameter open: savepoints that are left. Those of before the batch may be among the others.
    func release(_ savepoint: Int32, open: Int) {
        base = min(base, open)
        marks.removeAll { $0.savepoint >= savepoint }
    }

    func forgetSavepoints() {
        marks = []
        base = 0
        start = nil
    }

    func noteCommit() {
        committed = number
        committedRecord = record
    }

    /// Back to what is committed.
    func takeBack() {
        number = committed
        if let committedRecord { record = committedRecord }
        isAudited = false
    }

    /// - Returns: false when the batch has begun in the transaction that is open.
    func goBackToStart() -> Bool {
        guard let start else { return false }
        marks = []
        gateway.goBack(to: start)
        return true
    }

    /// Goes on inside these savepoints: going back to one of them takes everything since.
    func begin(at savepoints: [Int32]) {
        forgetSavepoints()
        start = gateway.mark()
        for savepoint in savepoints { mark(savepoint) }
    }

    /// The savepoint stays, as SQLite lets it.
    func goBack(to savepoint: Int32) {
        marks.removeAll { $0.savepoint > savepoint }
        if let mark = marks.last(where: { $0.savepoint == savepoint }) { gateway.goBack(to: mark.mark) }
    }
}
