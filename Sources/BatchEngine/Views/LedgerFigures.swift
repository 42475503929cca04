public import BatchCore
internal import BatchLedger

/// What the ledger of one database says in figures.
public struct LedgerFigures: Sendable {
    public struct Run: Hashable, Sendable {
        public let job: String
        /// `committed`, `failed`, `stopped`: how the run ended, whatever became of it later.
        public let status: String
        /// `queue` or `person`.
        public let trigger: String
    }

    public struct Time: Hashable, Sendable {
        public var count = 0
        public var seconds = 0.0
    }

    public var runs: [Run: Int] = [:]
    public var running = 0
    public var rollbacks = 0
    /// When the latest batch of a job was committed.
    public var lastSuccess: [String: Timestamp] = [:]
    public var times: [String: Time] = [:]
    public var pendingPoints = 0
    public var unprovenPoints = 0
    /// Up to this batch everything is counted, and will not change any more.
    private var settled: Int64 = 0

    public init() {}

    /// Batches that may still change: by `resume`, by a process that is at work.
    private static let unsettled: Int64 = 1_000

    /// The figures now, by way of those that were taken before.
    public static func read(
        _ session: Session, since earlier: LedgerFigures
    ) throws(BatchError) -> (now: LedgerFigures, settled: LedgerFigures) {
        guard try session.ledger.exists() else { return (LedgerFigures(), LedgerFigures()) }
        let newest = try session.connection.value("SELECT max(seq) FROM main.batchmgr_batches")?.integer ?? 0
        var settled = earlier.settled > newest ? LedgerFigures() : earlier
        let edge = max(settled.settled, newest - unsettled)
        try settled.add(session, after: settled.settled, upTo: edge)
        settled.settled = edge
        var now = settled
        try now.add(session, after: edge, upTo: newest)
        try now.addPoints(session)
        return (now, settled)
    }

    private mutating func add(_ session: Session, after first: Int64, upTo last: Int64) throws(BatchError) {
        guard first < last else { return }
        let sql = """
            SELECT job, kind, status, idempotency_key GLOB 'queue.*', started_at, finished_at \
            FROM main.batchmgr_batches WHERE seq > ? AND seq <= ?
            """
        for row in try session.connection.rows(sql, [.integer(first), .integer(last)]) {
            let (job, kind, status) = (row[0].string ?? "", row[1].string ?? "", row[2].string ?? "")
            if kind == "rollback" { rollbacks += 1 }
            guard kind == "batch" else { continue }
            guard let end = row[5].string.flatMap(Timestamp.init(iso8601:)) else {
                running += 1
                continue
            }
            let ended = status == "failed" || status == "stopped" ? status : "committed"
            runs[Run(job: job, status: ended, trigger: row[3].integer == 1 ? "queue" : "person"), default: 0] += 1
            if ended == "committed" { lastSuccess[job] = max(end, lastSuccess[job] ?? end) }
            if let begin = row[4].string.flatMap(Timestamp.init(iso8601:)) {
                times[job, default: Time()].count += 1
                times[job, default: Time()].seconds += Double(max(0, end.milliseconds - begin.milliseconds)) / 1_000
            }
        }
    }

    private mutating func addPoints(_ session: Session) throws(BatchError) {
        func count(_ condition: String, _ values: [SQLValue] = []) throws(BatchError) -> Int {
            let sql = "SELECT count(*) FROM main.batchmgr_points WHERE \(condition)"
            return Int(try session.connection.value(sql, values)?.integer ?? 0)
        }
        pendingPoints = try count("status = 'pending'")
        unprovenPoints = try count("status = 'complete' AND created_at > ?", [.string(try session.lastDrill())])
    }
}
