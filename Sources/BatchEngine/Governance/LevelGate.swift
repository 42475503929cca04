internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Holds a governed batch back until it was rehearsed, and checks it when it has run.
struct LevelGate {
    let session: Session

    // MARK: Before

    /// Carries the batch out and undoes it on a copy; keeps what came of it, whatever that is.
    /// - Returns: the path of the report, and whether the schema changed.
    /// - Throws: why the batch may not run; nothing was changed.
    func rehearse(_ subject: Rehearsal.Subject) throws(BatchError) -> (report: String, changesSchema: Bool) {
        let result: Rehearsal.Result
        do throws(BatchError) {
            result = try Rehearsal(session: session).perform(subject)
        } catch {
            refuse(subject, error)
            throw error
        }
        let document = try write(
            "rehearsal", subject.batch, subject.job, isOK: true,
            [
                .init("dry_run", result.dryRun), .init("rollback", result.rollback),
                .init("checks", .array(result.checks.map(\.json))),
                .init("left_out", .array(result.leftOut.map(JSONValue.string))),
            ])
        try session.ledger.audit(
            "rehearse", batch: subject.batch, outcome: "passed",
            details: ["report": document.json, "rows": result.batch.rows.json], context: session.context)
        session.context.reach("rehearsal-kept")
        return (document.path, result.batch.hasSchemaChange)
    }

    private func refuse(_ subject: Rehearsal.Subject, _ error: BatchError) {
        let document = try? write(
            "rehearsal", subject.batch, subject.job, isOK: false,
            [.init("error", .string(error.description)), .init("hint", .string(error.hint.text()))])
        try? session.ledger.audit(
            "rehearse", batch: subject.batch, outcome: "refused",
            details: .object(
                [.init("error", .string(error.code.rawValue)), .init("report", document?.json ?? .null)]
                    + error.reachedDetails),
            context: session.context)
    }

    // MARK: Afterwards

    /// - Returns: the path of the report.
    /// - Throws: `ERR_DATA_VERIFICATION_FAILED` when something does not hold. The batch is committed.
    func checkOff(_ run: BatchRun, orphans: [String: Int64]?) throws(BatchError) -> String {
        session.context.reach("checklist-begun")
        let batch = try session.ledger.batch(seq: run.batch.seq) ?? run.batch
        let (path, failed) = try check(batch, run.job, run.bindings, orphans: orphans)
        if let failed { throw failed }
        return path
    }

    /// A crash after the commit of a governed batch took its checklist away: it is made up for, before another batch
    /// changes anything. A batch before it cannot lack one.
    func makeUp() throws(BatchError) {
        let ledger = session.ledger
        guard try ledger.exists(),
            let batch = try ledger.batches(where: "seq = (SELECT max(seq) FROM main.batchmgr_batches)").first,
            batch.kind == .batch, batch.status == .committed, let text = batch.definition,
            text.contains("level") || batch.idempotencyKey != nil,
            let job = try? session.job(of: batch),
            LevelPolicy(level: job.level).needsChecklist || batch.idempotencyKey?.hasPrefix("plan.") == true
        else { return }
        let sql = """
            SELECT 1 FROM (SELECT action, batch FROM main.batchmgr_audit ORDER BY seq DESC LIMIT \(LevelGate.lastActions)) \
            WHERE action = 'checklist' AND batch = ?
            """
        guard try ledger.connection.value(sql, [.string(batch.batch.description)]) == nil else { return }
        var bindings: [String: SQLValue] = [
            "tenant": .optional(batch.tenant), "batch": .string(batch.batch.description),
        ]
        for entry in try PinnedParameters.values(batch.parameters).entries { bindings[entry.name] = entry.value }
        _ = try check(batch, job, bindings, orphans: nil)
    }

    /// No batch has run after the one in question, so its actions are among the last.
    private static let lastActions = 1_000

    private func check(
        _ batch: BatchRecord, _ job: JobDefinition, _ bindings: [String: SQLValue], orphans: [String: Int64]?
    ) throws(BatchError) -> (path: String, failed: BatchError?) {
        let ledger = session.ledger
        let list = Checklist(
            session: session, job: job, batch: batch, bindings: bindings,
            checkpoints: try ledger.checkpoints(of: batch.seq).map(\.id), orphans: orphans)
        let checks = try list.checks() + (try list.restorePoint())
        let failed = checks.first { $0.outcome == .failed }
        let document = try write(
            "checklist", batch, job, isOK: failed == nil, [.init("checks", .array(checks.map(\.json)))])
        try ledger.audit(
            "checklist", batch: batch, outcome: failed == nil ? "passed" : "failed",
            details: ["report": document.json, "failed": JSONValue(failed?.name)], context: session.context)
        guard let failed else { return (document.path, nil) }
        let error = BatchError(
            .verificationFailed,
            "batch \(batch.batch) has run, but fails its checklist: \(failed.name): \(failed.detail)",
            hint: "undo it: \(command: "rollback --id \(batch.batch)"); see the checklist: \(document.path)")
        session.notify(.failed, batch, error)
        return (document.path, error)
    }

    // MARK: What is kept

    /// Writes what level 2 asks to be kept: the rehearsal before a batch, the checklist after it.
    /// - Returns: the path, and what the audit says of the document.
    private func write(
        _ kind: String, _ batch: BatchRecord, _ job: JobDefinition, isOK: Bool, _ members: [JSONValue.Member]
    ) throws(BatchError) -> (path: String, json: JSONValue) {
        let folder = session.backups + "/reports"
        try Folder.create(folder)
        let path = "\(folder)/\(kind)_\(batch.batch)_\(session.context.now().compact).json"
        let document = JSONValue.object(
            [
                .init("format_version", 1), .init("kind", .string(kind)), .init("ok", .bool(isOK)),
                .init("batch", .string("\(batch.batch)")), .init("job", .string(job.id)),
                .init("level", JSONValue(job.level)), .init("tenant", JSONValue(batch.tenant)),
                .init("actor", .string(session.context.actor)), .init("trace_id", .string(batch.traceID)),
                .init("created_at", .string(session.context.now().iso8601)), .init("database", .string(session.path)),
            ] + members)
        try DurableFile.write(Array((JSONWriter.text(document, indented: true) + "\n").utf8), to: path)
        return (path, ["file": .string(path), "sha256": .string(try SHA256.hex(ofFile: path))])
    }
}

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

    /// Rows that refer to nothing, by child and parent; nil when a key refers to no unique columns, so that SQLite
    /// cannot tell.
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
        if let first = failing.first { return failed("verify queries", "this one is not true: \(first)") }
        return .passed("verify queries", "\(Counted.text(job.verify.count, "query", plural: "queries")) of the job")
    }

    private func foreignKeys() throws(BatchError) -> Check {
        guard let orphans, let now = Checklist.orphans(session.connection) else {
            return .warning(
                "foreign keys", "which rows referred to missing rows before the batch is not known",
                code: .notChecked,
                advice: "see those that exist now: PRAGMA foreign_key_check")
        }
        for (place, count) in now.sorted(by: { $0.key < $1.key }) where count > orphans[place] ?? 0 {
            let more = count - (orphans[place] ?? 0)
            return failed(
                "foreign keys",
                "\(Counted.text(more, "more row")) of \(place) \(more == 1 ? "refers" : "refer") to missing rows")
        }
        return .passed("foreign keys", "no new row refers to a missing row")
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
        if try ledger.hasChangedNothing(batch) {
            return [.passed("restore point", "\(batch.batch) changed nothing, so it has none")]
        }
        guard let point = try ledger.points(where: "batch = ?", [.integer(batch.seq)]).last, point.status == .complete
        else {
            return checkpoints.isEmpty ? [] : [failed("restore point", "the one of \(batch.batch) is not complete")]
        }
        return try PointVerification(session: session, points: [point], batches: [batch], isFast: true).checks()
    }
}
