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
    /// - Returns: the path of the report.
    /// - Throws: why the batch may not run; nothing was changed.
    func rehearse(_ subject: Rehearsal.Subject) throws(BatchError) -> String {
        let result: RehearsalResult
        do throws(BatchError) {
            result = try Rehearsal(session: session).perform(subject)
        } catch {
            refuse(subject, error)
            throw error
        }
        let paper = try LevelDocument(session: session).write(
            "rehearsal", subject.batch, subject.job, isOK: true,
            [
                .init("dry_run", result.dryRun), .init("rollback", result.rollback),
                .init("checks", .array(result.checks.map(\.json))),
                .init("left_out", .array(result.leftOut.map(JSONValue.string))),
            ])
        try session.ledger.audit(
            "rehearse", batch: subject.batch, outcome: "passed",
            details: ["report": paper.json, "rows": result.batch.rows.json], context: session.context)
        session.context.reach("rehearsal-kept")
        return paper.path
    }

    private func refuse(_ subject: Rehearsal.Subject, _ error: BatchError) {
        let paper = try? LevelDocument(session: session).write(
            "rehearsal", subject.batch, subject.job, isOK: false,
            [.init("error", .string(error.description)), .init("hint", .string(error.hint.text()))])
        try? session.ledger.audit(
            "rehearse", batch: subject.batch, outcome: "refused",
            details: ["error": .string(error.code.rawValue), "report": paper?.json ?? .null], context: session.context)
    }

    // MARK: Behind

    /// - Returns: the path of the report.
    /// - Throws: `ERR_DATA_VERIFICATION_FAILED` when something does not hold. The batch is committed.
    func checkOff(_ run: BatchRun, orphans: [String: Int64]?) throws(BatchError) -> String {
        session.context.reach("checklist-begun")
        let batch = try session.ledger.batch(seq: run.batch.seq) ?? run.batch
        let (path, failed) = try check(batch, run.job, run.bindings, orphans: orphans)
        if let failed { throw failed }
        return path
    }

    /// A crash behind the commit of a governed batch took its checklist away: it is made up for, before another batch
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

    /// No batch has run behind the one in question, so its actions are among the last.
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
        let paper = try LevelDocument(session: session).write(
            "checklist", batch, job, isOK: failed == nil, [.init("checks", .array(checks.map(\.json)))])
        try ledger.audit(
            "checklist", batch: batch, outcome: failed == nil ? "passed" : "failed",
            details: ["report": paper.json, "failed": JSONValue(failed?.name)], context: session.context)
        guard let failed else { return (paper.path, nil) }
        let error = BatchError(
            .verificationFailed,
            "batch \(batch.batch) has run, but does not pass its checklist: \(failed.name): \(failed.detail)",
            hint: "undo it: \(command: "rollback --id \(batch.batch)"); see the checklist: \(paper.path)")
        session.notify(.failed, batch, error)
        return (paper.path, error)
    }
}

/// Writes what level 2 asks to be kept: the rehearsal before a batch, the checklist behind it.
struct LevelDocument {
    let session: Session

    /// A document of the folder of reports.
    struct Written {
        let path: String
        let sha256: String

        var json: JSONValue { ["file": .string(path), "sha256": .string(sha256)] }
    }

    func write(
        _ kind: String, _ batch: BatchRecord, _ job: JobDefinition, isOK: Bool, _ members: [JSONValue.Member]
    ) throws(BatchError) -> Written {
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
        return Written(path: path, sha256: try SHA256.hex(ofFile: path))
    }
}
