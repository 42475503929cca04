internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// What has to hold when a governed batch has run: on the copy of its rehearsal, and in the database itself.
struct Checklist {
    let session: Session
    let job: JobDefinition
    let batch: BatchRecord
    let bindings: [String: SQLValue]
    /// Ids of the checkpoints to look at.
    let checkpoints: [Int64]
    /// Rows that referred to nothing before the batch; nil when that could not be told.
    let orphans: [String: Int64]?

    private var ledger: Ledger { session.ledger }
    private var hint: Hint { "undo it: \(command: "rollback --id \(batch.batch)")" }

    func checks() throws(BatchError) -> [Check] {
        let tables = try BatchChanges(ledger, checkpoints: checkpoints).tables.map(\.name)
        return [
            try digests(tables), try verifyQueries(), try foreignKeys(), try integrity(tables),
        ]
    }

    /// Rows that refer to nothing, by child and parent; nil when a key refers to no unique columns, so that SQLite cannot
    /// tell.
    static func orphans(_ connection: Connection) -> [String: Int64]? {
        let sql = "SELECT \"table\" || ' to ' || parent, count(*) FROM pragma_foreign_key_check GROUP BY 1"
        guard let rows = try? connection.rows(sql) else { return nil }
        return Dictionary(rows.map { ($0[0].string ?? "", $0[1].integer ?? 0) }) { first, _ in first }
    }

    private func failed(_ name: String, _ message: String) -> Check {
        .failed(name, BatchError(.verificationFailed, message, hint: hint))
    }

    /// Computed from the rows, against those that the recorder kept up to date.
    private func digests(_ tables: [String]) throws(BatchError) -> Check {
        let state = try ledger.state() ?? StateDigest()
        let schema = SchemaReader(session.connection)
        for name in tables {
            guard let layout = try schema.layout(named: name) else { continue }
            let found = try StateDigest.compute(layout, session.connection)
            guard found == state.tables[layout.name] ?? TableDigest() else {
                return failed("digests", "table \(name) does not have the recorded digest")
            }
        }
        return .passed("digests", "\(Counted.text(tables.count, "touched table")) with the recorded digest")
    }

    private func verifyQueries() throws(BatchError) -> Check {
        let failing = try VerifyQueries(session: session).failing(job.verify, bindings)
        if let first = failing.first { return failed("verify queries", "this one does not hold: \(first)") }
        return .passed("verify queries", "\(Counted.text(job.verify.count, "query", plural: "queries")) of the job")
    }

    private func foreignKeys() throws(BatchError) -> Check {
        guard let orphans, let now = Checklist.orphans(session.connection) else {
            return .warning(
                "foreign keys", "it cannot be told which rows referred to nothing before the batch",
                code: .notChecked,
                advice: "see those of now: PRAGMA foreign_key_check")
        }
        for (place, count) in now.sorted(by: { $0.key < $1.key }) where count > orphans[place] ?? 0 {
            let more = count - (orphans[place] ?? 0)
            return failed("foreign keys", "\(Counted.text(more, "more row")) of \(place) refer to nothing")
        }
        return .passed("foreign keys", "no new row refers to nothing")
    }

    private func integrity(_ tables: [String]) throws(BatchError) -> Check {
        let schema = SchemaReader(session.connection)
        for name in tables {
            guard let layout = try schema.layout(named: name), layout.role == .ordinary else { continue }
            let found = try session.connection.value("PRAGMA integrity_check(\(layout.quotedName))")?.string
            guard found == "ok" else { return failed("integrity", "table \(name): \(found ?? "no answer")") }
        }
        return .passed("integrity", "SQLite finds no fault in them")
    }

    /// Both copies of the batch's last point, as they lie there.
    func restorePoint() throws(BatchError) -> [Check] {
        if batch.hasChangedNothing {
            return [.passed("restore point", "\(batch.batch) changed nothing, so it has none")]
        }
        guard let point = try ledger.points(where: "batch = ?", [.integer(batch.seq)]).last, point.status == .complete
        else {
            return checkpoints.isEmpty ? [] : [failed("restore point", "that of \(batch.batch) is not complete")]
        }
        return try PointVerification(session: session, points: [point], batches: [batch], isFast: true).checks()
    }
}
