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
        let batch: BatchRecord
        let warnings: [String]
    }

    private var ledger: Ledger { session.ledger }

    // MARK: Before

    /// Why a batch cannot be run again; nil when it can.
    static func objection(to batch: BatchRecord) throws(BatchError) -> String? {
        guard batch.kind == .batch, let text = batch.definition else {
            return "\(batch.batch) was made by batchmgr itself"
        }
        if batch.status != .committed { return "\(batch.batch) is \(batch.status.rawValue), not committed" }
        if batch.hasSchemaChange { return "\(batch.batch) changed the schema" }
        let job = try JobDefinition.parse(text: text, file: "\(batch.batch)")
        for step in job.steps {
            switch step.kind {
            case .exec: return "step \(step.id) of \(batch.batch) runs a program, outside the database"
            case .plugin(let name, _):
                return "step \(step.id) of \(batch.batch) uses plugin \(name), outside the database"
            case .sql, .check, .export, .snapshot: continue
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
        let job = try definition(of: original)
        return try steps(of: job, original, try begin(original, job), as: original.batch).batch
    }

    private func run(_ original: BatchRecord, _ rollback: Int64) throws(BatchError) -> Outcome {
        let job = try definition(of: original)
        var batch = try begin(original, job)
        try ledger.noteReplay(batch.seq, of: original.seq, by: rollback)
        var point = PointRecord(batch: batch.seq, kind: .batch, lastCheckpoint: 0, createdAt: batch.startedAt)
        point.bakKind = .delta
        let run = try steps(of: job, original, batch)
        batch = run.batch
        if batch.hasSchemaChange {
            throw BatchError(.notReplayable, "it changes the schema now", hint: "undo it: --mode cascade")
        }
        point.lastCheckpoint = try ledger.checkpoints(of: batch.seq).last?.id ?? 0
        if point.lastCheckpoint > 0 { try ledger.save(&point) }
        try finish(&batch, original)
        return Outcome(original: original, batch: batch, warnings: run.warnings)
    }

    private func definition(of batch: BatchRecord) throws(BatchError) -> JobDefinition {
        try JobDefinition.parse(text: batch.definition ?? "", file: "\(batch.batch)")
    }

    private func steps(
        of job: JobDefinition, _ original: BatchRecord, _ batch: BatchRecord, as name: BatchID? = nil
    ) throws(BatchError) -> BatchRun {
        gateway.policy = try PolicyChoice(session: session).policy(for: job, tenant: original.tenant)
        session.connection.enforceForeignKeys(job.foreignKeys ?? false)
        let values = try PinnedParameters.values(original.parameters)
        let run = BatchRun(session, gateway, job: job, values: values, batch: batch, lease: nil, purpose: .replay)
        run.name = name ?? batch.batch
        run.pins = try RecordedPins(ledger, of: original.seq)
        for step in job.steps { try StepRun(run: run, step: step).perform() }
        try VerifyQueries(session: session).require(job.verify, run.bindings, of: batch.batch)
        return run
    }

    private func begin(_ original: BatchRecord, _ job: JobDefinition) throws(BatchError) -> BatchRecord {
        var batch = BatchRecord(
            batch: BatchID(job: original.batch.job, number: try ledger.nextNumber(of: original.batch.job)),
            kind: .batch, actor: session.context.actor, traceID: session.context.randomID(),
            startedAt: session.context.now().iso8601)
        batch.jobVersion = original.jobVersion
        batch.tenant = original.tenant
        batch.idempotencyKey = original.idempotencyKey
        batch.definition = original.definition
        batch.parameters = original.parameters
        batch.digestBefore = try ledger.state()?.combined
        try ledger.insert(&batch)
        for name in job.needs {
            guard
                let needed = try ledger.batches(where: "job = ? AND status = 'committed'", [.string(name)]).last
            else {
                throw BatchError(
                    .notReplayable, "it needs a committed batch of \(name), and there is none any more",
                    hint: "undo it: --mode cascade")
            }
            try ledger.noteNeed(of: batch.seq, needed)
        }
        return batch
    }

    private func finish(_ batch: inout BatchRecord, _ original: BatchRecord) throws(BatchError) {
        batch.status = .committed
        batch.finishedAt = session.context.now().iso8601
        batch.digestAfter = try ledger.state()?.combined
        try ledger.update(batch)
        try ledger.audit(
            "run", batch: batch, outcome: batch.status.rawValue,
            details: ["rows": batch.rows.json, "replays": .string(original.batch.description)],
            context: session.context)
    }
}

extension JobDefinition {
    /// Whether its SQL asks for foreign keys to be enforced; nil when it says nothing.
    var foreignKeys: Bool? {
        var isOn: Bool?
        for case .sql(let sql) in steps.map(\.kind) { isOn = ForeignKeySetting.split(sql).isOn ?? isOn }
        return isOn
    }
}

extension Ledger {
    /// Notes that a batch depends on another because its job says so.
    func noteNeed(of batch: Int64, _ needed: BatchRecord) throws(BatchError) {
        try connection.run(
            "INSERT OR IGNORE INTO batchmgr_dependencies VALUES(?, ?, ?)",
            [.integer(batch), .integer(needed.seq), .string("needs \(needed.batch.job)")])
    }
}
