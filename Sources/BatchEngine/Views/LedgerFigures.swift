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

    public struct Step: Hashable, Sendable {
        public let job: String
        public let step: String
    }

    public struct Heal: Hashable, Sendable {
        public let level: Int
        public let outcome: String
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
    /// From the checkpoint before a step to its last one.
    public var steps: [Step: Time] = [:]
    /// Repairs that were carried out.
    public var heals: [Heal: Int] = [:]
    public var pendingPoints = 0
    public var unprovenPoints = 0
    /// Up to this batch everything is counted, but those that may still change.
    private var settled: Int64 = 0
    private var open: [Int64] = []
    /// Up to this point everything is counted that no drill has restored since this time.
    private var settledPoints: (last: Int64, unproven: Int, drill: String) = (0, 0, "")
    /// Up to this row of the audit.
    private var audited: Int64 = 0

    public init() {}

    /// Batches may still change by `resume`, or by a process that is at work; of those before so many none is gone on with.
    private static let unsettled: Int64 = 1_000
    private static let mayChange = "status IN ('running', 'stopped', 'failed')"

    /// The figures now, by way of those that were taken before.
    public static func read(
        _ session: Session, since earlier: LedgerFigures
    ) throws(BatchError) -> (now: LedgerFigures, settled: LedgerFigures) {
        guard try session.ledger.exists() else { return (LedgerFigures(), LedgerFigures()) }
        let newest = try session.connection.value("SELECT max(seq) FROM main.batchmgr_batches")?.integer ?? 0
        var settled = earlier.settled > newest ? LedgerFigures() : earlier
        try settled.settle(session, upTo: newest)
        try settled.addHeals(session)
        try settled.settlePoints(session)
        var now = settled
        for batch in settled.open { try now.add(session, after: batch - 1, upTo: batch) }
        try now.addPoints(session)
        return (now, settled)
    }

    /// Counts what has come, and what was open before, as far as it will not change any more.
    private mutating func settle(_ session: Session, upTo newest: Int64) throws(BatchError) {
        let sql = "SELECT seq FROM main.batchmgr_batches WHERE seq > ? AND seq <= ? AND \(LedgerFigures.mayChange)"
        func changing(after first: Int64, upTo last: Int64) throws(BatchError) -> [Int64] {
            guard first < last else { return [] }
            return try session.connection.rows(sql, [.integer(first), .integer(last)]).compactMap { $0[0].integer }
        }
        let before = open
        open = []
        for batch in before {
            if batch > newest - LedgerFigures.unsettled, try !changing(after: batch - 1, upTo: batch).isEmpty {
                open.append(batch)
            } else {
                try add(session, after: batch - 1, upTo: batch)
            }
        }
        let edge = max(settled, newest - LedgerFigures.unsettled)
        try add(session, after: settled, upTo: edge)
        let more = try changing(after: edge, upTo: newest)
        try add(session, after: edge, upTo: newest, unless: LedgerFigures.mayChange)
        open += more
        settled = newest
    }

    /// - Parameter condition: of batches that are left out.
    private mutating func add(
        _ session: Session, after first: Int64, upTo last: Int64, unless condition: String = "0"
    ) throws(BatchError) {
        guard first < last else { return }
        try addSteps(session, after: first, upTo: last)
        let sql = """
            SELECT job, kind, status, CASE WHEN idempotency_key GLOB 'queue.schedule.*' THEN 'schedule' \
            WHEN idempotency_key GLOB 'queue.*' THEN 'queue' ELSE 'person' END, started_at, finished_at \
            FROM main.batchmgr_batches WHERE seq > ? AND seq <= ? AND NOT (\(condition))
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
            runs[Run(job: job, status: ended, trigger: row[3].string ?? ""), default: 0] += 1
            if ended == "committed" { lastSuccess[job] = max(end, lastSuccess[job] ?? end) }
            if let begin = row[4].string.flatMap(Timestamp.init(iso8601:)) {
                times[job, default: Time()].count += 1
                times[job, default: Time()].seconds += Double(max(0, end.milliseconds - begin.milliseconds)) / 1_000
            }
        }
    }

    /// A batch that was gone on with after a break would count the break: its steps are left out.
    private mutating func addSteps(_ session: Session, after first: Int64, upTo last: Int64) throws(BatchError) {
        let sql = """
            SELECT b.job, b.started_at, c.batch, c.step, max(c.committed_at) FROM main.batchmgr_checkpoints c \
            JOIN main.batchmgr_batches b ON b.seq = c.batch WHERE c.batch > ? AND c.batch <= ? AND b.kind = 'batch' \
            AND b.status NOT IN ('running', 'stopped', 'failed') GROUP BY c.batch, c.step ORDER BY c.batch, min(c.number)
            """
        var before: (batch: Int64, time: Timestamp)?
        for row in try session.connection.rows(sql, [.integer(first), .integer(last)]) {
            guard let batch = row[2].integer, let begin = row[1].string.flatMap(Timestamp.init(iso8601:)),
                let end = row[4].string.flatMap(Timestamp.init(iso8601:))
            else { continue }
            let start = before?.batch == batch ? before?.time ?? begin : begin
            let step = Step(job: row[0].string ?? "", step: row[3].string ?? "")
            steps[step, default: Time()].count += 1
            steps[step, default: Time()].seconds += Double(max(0, end.milliseconds - start.milliseconds)) / 1_000
            before = (batch, end)
        }
    }

    /// Rows of the audit never change.
    private mutating func addHeals(_ session: Session) throws(BatchError) {
        let newest = try session.connection.value("SELECT max(seq) FROM main.batchmgr_audit")?.integer ?? 0
        if audited > newest { (audited, heals) = (0, [:]) }
        let sql = "SELECT outcome, details FROM main.batchmgr_audit WHERE seq > ? AND seq <= ? AND action = 'heal'"
        for row in try session.connection.rows(sql, [.integer(audited), .integer(newest)]) {
            // The row that the verb of the same name ends with says nothing about a job.
            guard let details = row[1].string.flatMap({ try? JSONParser.parse($0) }),
                let level = details["level"]?.integer
            else { continue }
            heals[Heal(level: Int(level), outcome: row[0].string ?? ""), default: 0] += 1
        }
        audited = newest
    }

    /// A point that is complete stays so; the first that is not yet is where the next look begins.
    private mutating func settlePoints(_ session: Session) throws(BatchError) {
        func number(_ what: String) throws(BatchError) -> Int64? {
            try session.connection.value("SELECT \(what) FROM main.batchmgr_points")?.integer
        }
        let newest = try number("max(id)") ?? 0
        let drill = try session.lastDrill()
        if drill != settledPoints.drill || newest < settledPoints.last { settledPoints = (0, 0, drill) }
        let pending = try session.connection.value(
            "SELECT min(id) FROM main.batchmgr_points WHERE status = 'pending'")?.integer
        let edge = max(settledPoints.last, min(newest, (pending ?? .max) - 1))
        settledPoints.unproven += try unproven(session, upTo: edge)
        settledPoints.last = edge
    }

    private mutating func addPoints(_ session: Session) throws(BatchError) {
        let sql = "SELECT count(*) FROM main.batchmgr_points WHERE status = 'pending'"
        pendingPoints = Int(try session.connection.value(sql)?.integer ?? 0)
        unprovenPoints = settledPoints.unproven + (try unproven(session, upTo: .max))
    }

    private func unproven(_ session: Session, upTo last: Int64) throws(BatchError) -> Int {
        let sql = """
            SELECT count(*) FROM main.batchmgr_points WHERE id > ? AND id <= ? AND status = 'complete' AND created_at > ?
            """
        let values: [SQLValue] = [.integer(settledPoints.last), .integer(last), .string(settledPoints.drill)]
        return Int(try session.connection.value(sql, values)?.integer ?? 0)
    }
}
