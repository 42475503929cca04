internal import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Batches that have begun already.
extension Runner {
    /// Goes on with a batch that was stopped or failed, behind its last checkpoint.
    public func resume(_ reference: BatchReference) throws(BatchError) -> RunReport {
        let start = ContinuousClock.now
        try session.requireLedger(for: reference)
        let turn = try session.turn(for: LeaseWork("resume", job: "resume of \(reference)"))
        var batch = try BatchLookup(session).batch(reference)
        let id = batch.batch
        guard batch.status == .stopped || batch.status == .failed, batch.kind == .batch, batch.definition != nil
        else {
            throw BatchError(
                .wrongState, "batch \(id) is \(batch.status.rawValue), so there is nothing to go on with",
                hint: "see it: \(command: "show --id \(id)")")
        }
        let checkpoints = try session.ledger.checkpoints(of: batch.seq)
        guard checkpoints.allSatisfy(\.isLive) else {
            throw BatchError(
                .wrongState, "batch \(id) was rolled back in part",
                hint: "run the job again: \(command: "run --id \(id.job)")")
        }
        try session.ledger.requireKey(of: batch)
        let job = try session.job(of: batch)
        let switches = SwitchGate(session)
        try switches.require(switches.work(job, tenant: batch.tenant), "batch \(id)")
        let values = try PinnedParameters.values(batch.parameters)
        try session.context.steps.require(job, in: session)
        let reason = try turn.openHistory()
        let (step, position) = try place(job, batch, checkpoints)
        let policy = LevelPolicy(level: job.level)
        let gate = LevelGate(session: session)
        var rehearsal: String?
        switch policy.course() {
        case .rehearse:
            rehearsal = try gate.rehearse(
                .init(
                    job: job, values: values, batch: batch, step: step, position: position,
                    lastNumber: checkpoints.last?.number ?? 0))
        case .propose(let because):
            throw BatchError(
                .approvalRequired, "batch \(id) cannot be gone on with: \(because)",
                hint: "take back what it did, if anything: \(command: "rollback --id \(id)"); then make a new plan: "
                    + "\(command: "run --id \(id.job)")")
        case .apply, .carryOut: break
        }
        let orphans = policy.needsChecklist ? Checklist.orphans(session.connection) : nil
        let gateway = try Runner.gateway(session, job, tenant: batch.tenant)
        batch.status = .running
        batch.traceID = session.context.traceID
        batch.error = nil
        batch.finishedAt = nil
        let snapshot = try SnapshotChoice(session: session).kind(for: job, because: reason)
        var point = try begin(&batch, needs: [], snapshot: snapshot, turn)
        let run = BatchRun(
            session, gateway, job: job, values: values, batch: batch, lease: turn.lease,
            lastNumber: checkpoints.last?.number ?? 0)
        run.switches = switches
        run.rehearsal = rehearsal
        run.waiting = try waiting(job, batch)
        run.noted = run.waiting.isEmpty ? nil : checkpoints.last?.id
        var report = try carryOut(run, &point, from: step, position: position, since: start)
        if policy.needsChecklist { report.checklist = try gate.checkOff(run, orphans: orphans) }
        report.removed = session.letGo()
        return report
    }

    /// Asks the process that runs a batch to stop at its next checkpoint.
    public func stop(_ reference: BatchReference) throws(BatchError) -> StopReport {
        let batch = try BatchLookup(session).batch(reference)
        let id = batch.batch
        guard batch.status == .running, let row = try LeaseTable(session.connection).read(), row.isHeld else {
            throw BatchError(.wrongState, "batch \(id) is not running", hint: "see it: \(command: "show --id \(id)")")
        }
        try session.requestStop(row)
        return StopReport(batch: id)
    }

    /// Where a batch goes on: the step, and for a chunked one the items that are done.
    private func place(
        _ job: JobDefinition, _ batch: BatchRecord, _ checkpoints: [CheckpointRecord]
    ) throws(BatchError) -> (step: Int, position: Int) {
        guard let last = checkpoints.last, let index = job.steps.firstIndex(where: { $0.id == last.step }) else {
            return (0, 0)
        }
        // Of a replay only programs can be left.
        if try session.ledger.replays().originals[batch.seq] != nil { return (job.steps.count, 0) }
        // The list of items stays until the last chunk.
        if let done = last.position.flatMap({ Int($0) }),
            try Worklist.load(session.ledger, batch: batch.seq, step: last.step) != nil
        {
            return (index, done)
        }
        return (index + 1, 0)
    }

    /// Steps of a replayed batch that were to run once its rows were permanent, and did not.
    private func waiting(_ job: JobDefinition, _ batch: BatchRecord) throws(BatchError) -> [StepDefinition] {
        guard try session.ledger.replays().originals[batch.seq] != nil else { return [] }
        let done = Set(try session.ledger.effects(of: batch.seq).map(\.step))
        return job.steps.filter { session.context.steps.isOutside($0) && !done.contains($0.id) }
    }
}
