internal import BatchCore
internal import BatchLedger
internal import Glibc

/// The batch that is open on a connection of a host.
final class HostBatch {
    enum Phase {
        /// The host writes.
        case open
        /// One of our functions ends the transaction.
        case ending
        /// Everything is written, and the COMMIT of the host is on its way.
        case sealed
    }

    let gateway: Gateway
    var record: BatchRecord
    var point: PointRecord
    /// The transaction was the host's before it was ours: it ends when the host says so.
    let isJoined: Bool
    /// Of the last checkpoint.
    var number = 0
    var phase = Phase.open
    /// The savepoints that were open when the batch began: going back to one of them takes all of the batch back.
    private(set) var base: Int
    private var marks: [(savepoint: Int32, mark: Gateway.Mark)] = []

    /// The process that began it. One that was forked from it has neither its locks nor its threads.
    let process = getpid()

    /// Begins in the middle of a transaction of the host.
    static let savepoint = "batchmgr_batch"

    init(_ gateway: Gateway, _ record: BatchRecord, _ point: PointRecord, isJoined: Bool, base: Int) {
        self.gateway = gateway
        self.record = record
        self.point = point
        self.isJoined = isJoined
        self.base = base
    }

    var name: BatchID { record.batch }

    // MARK: Savepoints

    func mark(_ savepoint: Int32) { marks.append((savepoint, gateway.mark())) }

    /// - Parameter open: savepoints that are left. Those of before the batch may be among the others.
    func release(_ savepoint: Int32, open: Int) {
        base = min(base, open)
        marks.removeAll { $0.savepoint >= savepoint }
    }

    /// The savepoint stays, as SQLite lets it.
    func goBack(to savepoint: Int32) {
        marks.removeAll { $0.savepoint > savepoint }
        if let mark = marks.last(where: { $0.savepoint == savepoint }) { gateway.goBack(to: mark.mark) }
    }
}
