internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Runs a recorded batch again, with its pinned definition and parameters, in the open transaction of a rollback.
struct Rerun {
    let session: Session
    let gateway: Gateway

    /// One batch that ran again.
    struct Outcome {
        let original: BatchRecord
        var batch: BatchRecord
        let warnings: [Warning]
        /// Steps outside the database: they wait until everything else is permanent.
        let waiting: [StepDefinition]
    }

    private var ledger: Ledger { session.ledger }

    // MARK: Before

    /// Why a batch cannot be run again; nil when it can.
    /// - Parameter isRehearsed: on a copy, to compare what it does; then nothing outside the database may happen.
    static func objection(
        to batch: BatchRecord, in session: Session, isRehearsed: Bool
    ) throws(BatchError) -> String? {
        guard batch.kind == .batch, batch.definition != nil else {
            return "\(batch.batch) was made by batchmgr itself"
        }
        if batch.status != .committed { return "\(batch.batch) is \(batch.status.rawValue), not committed" }
        // Rows alone are compared.
        if isRehearsed, batch.hasSchemaChange { return "\(batch.batch) changed the schema" }
        let job = try session.job(of: batch)
        if let objection = LevelPolicy(level: job.level).objectionToReplay { return "\(batch.batch): \(objection)" }
        let steps = session.context.steps
        for step in job.steps where steps.isOutside(step) {
            if isRehearsed { return "step \(step.id) of \(batch.batch) works outside the database" }
            if let objection = steps.kind(step.kind).objectionToReplay(step) {
                return "step \(step.id) of \(batch.batch) \(objection)"
            }
        }
        return nil
    }

    // MARK: Running

    /// - Parameter rollback: `seq` of the rollback that made it necessary.
    /// - Throws: the failure; the caller's transaction is rolled back then.
    func perform(_ original: BatchRecord, for rollback: Int64) throws(BatchError) -> Outcome {
        do throws(BatchError) {
            return try run(original, rollback)
        } catch {
            gateway.rollback()
            throw BatchError(
                error.code, "running \(original.batch) again failed: \(error.message); nothing was changed",
                hint: "undo it without running it again: --mode cascade")
        }
    }

    /// Runs it under its old name, so that SQL that asks for it sees what it saw. The caller throws it all away.
    func rehearse(_ original: BatchRecord) throws(BatchError) -> BatchRecord {
        let job = try session.job(of: original)
        return try steps(of: job, original, try begin(original, job), as: original.batch).batch
    }

    private func run(_ original: BatchRecord, _ rollback: Int64) throws(BatchError) -> Outcome {
        let job = try session.job(of: original)
        var batch = try begin(original, job)
        try ledger.noteReplay(batch.seq, of: original.seq, by: rollback)
        var point = PointRecord(batch: batch.seq, kind: .batch, lastCheckpoint: 0, createdAt: batch.startedAt)
        point.bakKind = .delta
        let run = try steps(of: job, original, batch)
        batch = run.batch
        point.lastCheckpoint = try ledger.checkpoints(of: batch.seq).last?.id ?? 0
        if point.lastCheckpoint > 0 { try ledger.save(&point) }
        try finish(&batch, original, isWhole: run.waiting.isEmpty)
        return Outcome(original: original, batch: batch, warnings: run.warnings, waiting: run.waiting)
    }

    private func steps(
        of job: JobDefinition, _ original: BatchRecord, _ batch: BatchRecord, as name: BatchID? = nil
    ) throws(BatchError) -> BatchRun {
        gateway.policy = try PolicyChoice(session: session).policy(for: job, tenant: original.tenant)
        session.connection.enforceForeignKeys(job.foreignKeys ?? false)
        let values = try PinnedParameters.values(original.parameters)
        let run = try BatchRun(session, gateway, job: job, values: values, batch: batch, purpose: .replay)
        run.name = name ?? batch.batch
        run.inputs = try RecordedInputs(ledger, of: original.seq)
        for step in job.steps { try StepRun(run: run, step: step).perform() }
        // A batch of programs alone has a checkpoint too: what they did is noted there.
        if let step = run.waiting.first, run.checkpoints == 0 { try run.checkpoint(step) {} }
        try VerifyQueries(session: session).require(job.verify, run.bindings, of: batch.batch)
        return run
    }

    private func begin(_ original: BatchRecord, _ job: JobDefinition) throws(BatchError) -> BatchRecord {
        var batch = BatchRecord(
            batch: BatchID(job: original.batch.job, number: try ledger.nextNumber(of: original.batch.job)),
            kind: .batch, actor: session.context.actor, traceID: session.context.traceID,
            startedAt: session.context.now().iso8601)
        batch.jobVersion = original.jobVersion
        batch.tenant = original.tenant
        batch.idempotencyKey = original.idempotencyKey
        batch.definition = original.definition
        batch.parameters = original.parameters
        batch.digestBefore = try ledger.state()?.combined
        try ledger.insert(&batch)
        for name in job.needs {
            let tenant = session.database.tenancy == .column ? original.tenant : nil
            guard let needed = try ledger.lastCommitted(name, seenBy: tenant) else {
                throw BatchError(
                    .notReplayable, "it needs a committed batch of \(name), and there is no longer one",
                    hint: "undo it: --mode cascade")
            }
            try ledger.noteNeed(of: batch.seq, needed)
        }
        try ledger.noteQueued(batch.seq, as: original.seq)
        return batch
    }

    /// A batch whose programs wait is `stopped`: after a crash `resume` runs them.
    private func finish(
        _ batch: inout BatchRecord, _ original: BatchRecord, isWhole: Bool
    ) throws(BatchError) {
        batch.status = isWhole ? .committed : .stopped
        batch.finishedAt = session.context.now().iso8601
        batch.digestAfter = try ledger.state()?.combined
        try ledger.update(batch)
        try ledger.audit(
            "run", batch: batch, outcome: batch.status.rawValue,
            details: ["rows": batch.rows.json, "replays": .string(original.batch.description)],
            context: session.context)
    }
}

extension Ledger {
    /// The latest committed batch of a job: of this tenant, or of none; nil for any.
    func lastCommitted(_ job: String, seenBy tenant: String?) throws(BatchError) -> BatchRecord? {
        try latestBatch(
            of: job, where: "status = 'committed' AND (?2 IS NULL OR tenant IS NULL OR tenant = ?2)",
            [.optional(tenant)])
    }

    /// Notes that a batch depends on another because its job says so.
    func noteNeed(of batch: Int64, _ needed: BatchRecord) throws(BatchError) {
        try connection.run(
            "INSERT OR IGNORE INTO main.batchmgr_dependencies VALUES(?, ?, ?)",
            [.integer(batch), .integer(needed.seq), .string("needs \(needed.batch.job)")])
    }
}

extension Rerun {
    /// Runs the programs and plugins of a batch that ran again, once that is permanent. They see the database as it is
    /// then. One that fails leaves the batch `failed`, and `resume` goes on with it; the rows stay.
    /// - Returns: what was not done, in words.
    func performWaiting(_ outcome: inout Outcome) throws(BatchError) -> String? {
        if outcome.waiting.isEmpty { return nil }
        var batch = outcome.batch
        let job = try session.job(of: batch)
        let run = try BatchRun(
            session, gateway, job: job, values: try PinnedParameters.values(batch.parameters), batch: batch)
        run.noted = try ledger.checkpoints(of: batch.seq).last?.id
        var failure: BatchError?
        do throws(BatchError) {
            for step in outcome.waiting { try StepRun(run: run, step: step).perform() }
        } catch { failure = error }
        batch = run.batch
        batch.status = failure == nil ? .committed : .failed
        batch.error = failure.map { "\($0.code.rawValue): \($0.message)" }
        batch.finishedAt = session.context.now().iso8601
        try ledger.update(batch)
        outcome.batch = batch
        let next = HintCommand("resume --id \(batch.batch)").text(session.context.call)
        return failure.map { "\($0.message); continue it: \(next)" }
    }
}

/// What the checkpoints of a batch saw of time and chance, step by step, for another run of it.
final class RecordedInputs {
    private var inputs: [(step: String, input: PinnedInputs)]
    private var last: PinnedInputs?

    init(_ inputs: [(step: String, input: PinnedInputs)]) {
        self.inputs = inputs
        last = inputs.first?.input
    }

    convenience init(_ ledger: Ledger, of batch: Int64) throws(BatchError) {
        self.init(try RecordedInputs.read(ledger, try ledger.checkpoints(of: batch)))
    }

    static func read(
        _ ledger: Ledger, _ checkpoints: [CheckpointRecord]
    ) throws(BatchError) -> [(step: String, input: PinnedInputs)] {
        var inputs: [(step: String, input: PinnedInputs)] = []
        for checkpoint in checkpoints { inputs.append((checkpoint.step, try ledger.pinnedInputs(for: checkpoint))) }
        return inputs
    }

    /// For the next checkpoint of a step. A run that needs more checkpoints than the first one sees the last again.
    func next(of step: String) -> PinnedInputs? {
        if let index = inputs.firstIndex(where: { $0.step == step }) { last = inputs.remove(at: index).input }
        return last
    }
}

/// What a run of checkpoints changed, row by row, in a few bytes.
struct ChangesDigest: Equatable {
    let hash: [UInt8]
    let rows: Int

    init(_ ledger: Ledger, _ checkpoints: [Int64]) throws(BatchError) {
        let hash = SHA256()
        var rows = 0
        let changes = try BatchChanges(ledger, checkpoints: checkpoints)
        for table in changes.tables {
            guard let layout = table.after ?? table.before, ChangesDigest.holdsRows(layout) else { continue }
            try changes.forEachChange(of: table) { (change) throws(BatchError) in
                if layout.role == .ordinary { rows += 1 }
                let line: JSONValue = [
                    "table": .string(table.name), "key": change.key.json,
                    "before": .array(change.before?.map(\.json) ?? []), "is_new": .bool(change.before == nil),
                    "after": .array(change.after?.map(\.json) ?? []), "is_gone": .bool(change.after == nil),
                ]
                Array(JSONWriter.text(line).utf8).withUnsafeBytes { hash.update($0) }
            }
        }
        self.hash = hash.finish()
        self.rows = rows
    }

    /// Counters and the indexes of full texts follow from the rows. Of an R*Tree all counts: its rows are in its nodes.
    private static func holdsRows(_ layout: TableLayout) -> Bool {
        switch layout.role {
        case .ordinary: true
        case .system: false
        case .shadow:
            !["_data", "_idx", "_config", "_segments", "_segdir", "_stat"].contains { layout.name.hasSuffix($0) }
        }
    }
}
