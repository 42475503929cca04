internal import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Batches that have begun already.
extension Runner {
    /// Goes on with a batch that was stopped or failed, after its last checkpoint.
    public func resume(_ reference: BatchReference) throws(BatchError) -> RunReport {
        let start = ContinuousClock.now
        try session.requireLedger(for: reference)
        let turn = try session.turn(for: LeaseWork("resume", job: "resume of \(reference)"))
        var (batch, job, checkpoints, values) = try resumable(reference)
        let switches = SwitchGate(session)
        let reason = try turn.openHistory()
        let (step, position) = try place(job, batch, checkpoints)
        let policy = LevelPolicy(level: job.level)
        let gate = LevelGate(session: session)
        var rehearsal: String?
        switch policy.decision() {
        case .rehearse:
            rehearsal = try gate.rehearse(
                .init(
                    job: job, values: values, batch: batch, step: step, position: position,
                    lastNumber: checkpoints.last?.number ?? 0)
            ).report
        case .apply, .carryOut, .propose: break
        }
        let orphans = policy.needsChecklist ? Checklist.orphans(session.connection) : nil
        let gateway = try Runner.gateway(session, job, tenant: batch.tenant)
        let firstTrace = batch.traceID
        batch.status = .running
        batch.traceID = session.context.traceID
        batch.error = nil
        batch.finishedAt = nil
        let snapshot = try SnapshotChoice(session: session).kind(for: job, because: reason)
        var point = try begin(&batch, needs: [], snapshot: snapshot, turn.lease.lease) { () throws(BatchError) in
            _ = try turn.openHistory(isCopying: true)
        }
        let run = try BatchRun(
            session, gateway, job: job, values: values, batch: batch, lease: turn.lease,
            lastNumber: checkpoints.last?.number ?? 0)
        run.switches = switches
        run.rehearsal = rehearsal
        run.firstTrace = firstTrace
        run.waiting = try waiting(job, batch)
        run.noted = run.waiting.isEmpty ? nil : checkpoints.last?.id
        var report = try carryOut(run, &point, from: step, position: position, since: start)
        if policy.needsChecklist { report.checklist = try gate.checkOff(run, orphans: orphans) }
        report.removed = session.letGo()
        return report
    }

    /// The batch because of which a new one of the job would be refused: it was stopped or killed on its way. What a
    /// killed process has left is settled first.
    public func halfDone(_ job: JobDefinition) throws(BatchError) -> BatchID? {
        if session.mayHaveLeftovers { _ = try session.turn(for: LeaseWork("run", job: job.id)) }
        return try session.halfDone(job, tenant: nil)?.batch
    }

    /// Does what `resume` would do, in one transaction that is discarded: the first of the rows, and whether it fails.
    public func previewResume(_ reference: BatchReference) throws(BatchError) -> RunReport {
        try session.requireLedger(for: reference)
        if session.mayHaveLeftovers { _ = try session.turn(for: LeaseWork("resume", job: "resume of \(reference)")) }
        do throws(BatchError) {
            var (batch, job, checkpoints, values) = try resumable(reference)
            let (step, position) = try place(job, batch, checkpoints)
            let gateway = try Runner.gateway(session, job, tenant: batch.tenant)
            batch.status = .running
            batch.traceID = session.context.traceID
            let run = try BatchRun(
                session, gateway, job: job, values: values, batch: batch, lastNumber: checkpoints.last?.number ?? 0,
                purpose: .dryRun)
            return try DryRun(session: session).perform(run, gateway, from: step, position: position)
        } catch {
            session.auditRefusal("dry-run", error)
            throw error
        }
    }

    /// A batch that can be gone on with, and what it was begun with.
    private func resumable(
        _ reference: BatchReference
    ) throws(BatchError) -> (BatchRecord, JobDefinition, [CheckpointRecord], ParameterValues) {
        let batch = try BatchLookup(session).batch(reference)
        let id = batch.batch
        guard batch.status == .stopped || batch.status == .failed, batch.kind == .batch, batch.definition != nil
        else {
            throw BatchError(
                .wrongState, "batch \(id) is \(batch.status.rawValue), so there is nothing to resume",
                hint: "see it: \(command: "show --id \(id)")")
        }
        let checkpoints = try session.ledger.checkpoints(of: batch.seq)
        guard checkpoints.allSatisfy(\.isLive) else {
            throw try session.ledger.partlyUndone(batch)
        }
        try session.ledger.requireKey(of: batch)
        try session.ledger.refuseOvertaken(batch)
        let job = try session.job(of: batch)
        tellOfOtherDefinition(job, batch)
        let switches = SwitchGate(session)
        try switches.require(switches.work(job, tenant: batch.tenant), "batch \(id)")
        let values = try PinnedParameters.values(batch.parameters)
        try session.context.steps.require(job, in: session)
        if case .propose(let because) = LevelPolicy(level: job.level).decision() {
            throw BatchError(
                .approvalRequired, "batch \(id) cannot be resumed: \(because)",
                hint: "undo what it did, if anything: \(command: "rollback --id \(id)"); then make a new plan: "
                    + "\(command: "run --id \(id.job)")")
        }
        return (batch, job, checkpoints, values)
    }

    /// Asks the process that runs a batch to stop at its next checkpoint.
    public func stop(_ reference: BatchReference) throws(BatchError) -> StopReport {
        let row = try LeaseTable(session.connection).read()
        if let row, let id = try beginning(reference, row) {
            try session.requestStop(row)
            return StopReport(batch: id, end: .unbegun)
        }
        let batch = try BatchLookup(session).batch(reference)
        let id = batch.batch
        guard batch.status == .running, let row, row.isHeld else {
            if case .latest(let job) = reference {
                throw BatchError(
                    .wrongState, "no batch of \(job) is running",
                    hint: "see what it did last: \(command: "show --id \(id)")")
            }
            throw BatchError(.wrongState, "batch \(id) is not running", hint: "see it: \(command: "show --id \(id)")")
        }
        guard row.work.kind != LeaseWork.host else {
            let process = row.owner.map { " (process \($0.process))" } ?? ""
            throw BatchError(
                .wrongState, "batch \(id) runs in another program\(process), which alone can end it",
                hint: "there: SELECT batch_commit(), or SELECT batch_abort(); or end that program")
        }
        try session.requestStop(row)
        return StopReport(batch: id, end: try end(of: batch))
    }

    /// The batch that a run of the job is about to make: it completes restore points, looks for changes of others, or
    /// copies the database first.
    private func beginning(_ reference: BatchReference, _ row: LeaseTable.Row) throws(BatchError) -> BatchID? {
        guard case .latest(let job) = reference, row.isHeld, row.work.kind == "run", row.work.job == job,
            row.work.batch == nil, try session.ledger.exists(),
            LeaseTable(session.connection, for: session.owner).mayName(row)
        else { return nil }
        return BatchID(job: job, number: try session.ledger.nextNumber(of: job))
    }

    /// What a stop will do, as far as can be told from outside.
    private func end(of batch: BatchRecord) throws(BatchError) -> StopReport.End {
        guard batch.definition != nil else { return .atCheckpoint }
        let job = try session.job(of: batch)
        let done = try session.ledger.checkpoints(of: batch.seq)
        let (index, position) = try place(job, batch, done)
        guard let step = job.steps.last, index >= job.steps.count - 1 else { return .atCheckpoint }
        if let chunk = step.chunk {
            guard let items = try Worklist.load(session.ledger, batch: batch.seq, step: step.id),
                position + chunk >= items.count
            else { return .atCheckpoint }
        }
        return index >= job.steps.count ? .committed : .aborted
    }

    /// A corrected job file changes nothing for a batch that has begun, and the person should know it.
    private func tellOfOtherDefinition(_ job: JobDefinition, _ batch: BatchRecord) {
        guard let catalog = try? session.workspace.loadCatalog(session.context.steps.rules()),
            let now = try? catalog.job(named: job.id), now.text != job.text
        else { return }
        session.context.warn(
            Warning(
                .pinnedDefinition,
                "\(batch.batch) continues with the definition it began with (version \(job.version)); \(catalog.file(of: job.id) ?? job.id) has changed since"
            ),
            "to use that one: \(command: "rollback --id \(batch.batch)"), then \(command: "run --id \(job.id)")")
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
        let knowsWhatIsLeft = session.context.steps.kind(job.steps[index].kind).knowsWhatIsLeft
        return (knowsWhatIsLeft ? index : index + 1, 0)
    }

    /// - Throws: `ERR_DATA_NOT_REPLAYABLE` when a process has died where a step may have done something outside, and the
    ///   job does not say that this may be done twice.
    public func requireKnownOutcome(of id: BatchID) throws(BatchError) {
        let batch = try BatchLookup(session).batch(.batch(id))
        guard batch.definition != nil, try session.ledger.hasDied(batch) else { return }
        let job = try session.job(of: batch)
        let (index, _) = try place(job, batch, try session.ledger.checkpoints(of: batch.seq))
        guard !job.isIdempotent, job.steps.indices.contains(index), case let step = job.steps[index],
            case let kind = session.context.steps.kind(step.kind), !kind.mayRunTwice
        else { return }
        throw BatchError(
            .notReplayable,
            "the process of \(id) died when step \(step.id) was next: nobody knows whether its \(kind.noun(step)) has done its work",
            hint:
                "check what it did; then continue the batch: \(command: "resume --id \(id)"); or undo what was done before: \(command: "rollback --id \(id)")",
            cause: .unknownOutcome)
    }

    /// Steps of a replayed batch that were to run once its rows were permanent, and did not.
    private func waiting(_ job: JobDefinition, _ batch: BatchRecord) throws(BatchError) -> [StepDefinition] {
        guard try session.ledger.replays().originals[batch.seq] != nil else { return [] }
        let done = Set(try session.ledger.effects(of: batch.seq).map(\.step))
        return job.steps.filter { session.context.steps.isOutside($0) && !done.contains($0.id) }
    }
}

extension Session {
    /// The latest batch of a job, when it has done a part of its work: `resume` goes on with it.
    /// - Returns: the batch, and whether it was begun with the same definition of the job.
    public func halfDone(
        _ job: JobDefinition, tenant: String?
    ) throws(BatchError) -> (batch: BatchID, isSameDefinition: Bool)? {
        guard try ledger.exists(), let last = try ledger.latest(job.id, tenant),
            last.status == .stopped || last.status == .failed, last.definition != nil
        else { return nil }
        return (last.batch, last.definition == job.text)
    }
}

/// What a batch leaves that did not come to its end, and how to go on from there.
extension Ledger {
    // MARK: What stays

    /// The failure of a batch, with what stays of it and both ways on.
    func explain(_ failure: BatchError, of batch: BatchRecord) throws(BatchError) -> BatchError {
        let kept = try checkpoints(of: batch.seq).count(where: \.isLive)
        guard kept > 0 else {
            // Stopped before its first checkpoint, it goes on from the beginning.
            if failure.code == .stopped { return failure }
            return failure.with(hint: "\(failure.hint); nothing of it was kept")
        }
        let rows = batch.rows.total == 1 ? "1 row" : "\(batch.rows.total) rows"
        let checkpoints = kept == 1 ? "1 checkpoint" : "\(kept) checkpoints"
        // After a list of rows or mistakes it is a line of its own.
        let end = failure.message.contains("\n") ? "\n" : "; "
        return failure.with(
            message: "\(failure.message)\(end)\(rows) of \(checkpoints) stay",
            hint: waysOn(batch, after: failure))
    }

    private func waysOn(_ batch: BatchRecord, after failure: BatchError) -> Hint {
        // To go on would not make it right.
        if failure.hint.commands.contains("rollback --id \(batch.batch)") { return failure.hint }
        let resume: HintCommand = "resume --id \(batch.batch)"
        let back: Hint = "; or undo them: \(command: "rollback --id \(batch.batch)")"
        if failure.hint.commands.contains(resume) { return failure.hint + back }
        return failure.hint + "; then continue: \(command: resume)" + back
    }

    // MARK: Once more

    /// Whether the process of a batch ended before the batch did, the last time.
    func hasDied(_ batch: BatchRecord) throws(BatchError) -> Bool {
        let sql = "SELECT action FROM main.batchmgr_audit WHERE batch = ? ORDER BY seq DESC LIMIT 1"
        return try connection.value(sql, [.string(batch.batch.description)])?.string == "recover"
    }

    /// - Throws: `ERR_UX_WRONG_STATE` while the latest batch of a job that still stands is half done: from the beginning,
    ///   its work would be done twice.
    /// - Parameter preview: somebody only wants to see what would happen.
    func refuseAnother(of job: String, tenant: String?, preview: Bool = false) throws(BatchError) {
        guard try exists(), let last = try latest(job, tenant),
            last.status == .stopped || last.status == .failed, last.definition != nil
        else { return }
        let message =
            "\(last.batch) is \(last.status.rawValue), with a part of its work done; running \(job) again would do that part twice"
        if preview {
            throw BatchError(
                .wrongState, message,
                hint:
                    "see what is left: \(command: "resume --id \(last.batch) --dry-run"); to see all of the job anyway, add --anew",
                cause: .halfDone(batch: last.batch, key: last.idempotencyKey))
        }
        throw BatchError(
            .wrongState, message,
            hint:
                "continue it: \(command: "resume --id \(last.batch)"); or undo it: \(command: "rollback --id \(last.batch)"); to run the job anyway, add --anew",
            cause: .halfDone(batch: last.batch, key: last.idempotencyKey))
    }

    /// The later batch of the job that has done its work meanwhile.
    func overtaker(of batch: BatchRecord) throws(BatchError) -> BatchRecord? {
        guard let last = try latest(batch.batch.job, batch.tenant), last.seq > batch.seq else { return nil }
        return last
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when a later batch of the job has done the work meanwhile.
    func refuseOvertaken(_ batch: BatchRecord) throws(BatchError) {
        guard let last = try overtaker(of: batch) else { return }
        throw BatchError(
            .wrongState, "\(last.batch) has run since \(batch.batch) stopped, so continuing would do its work twice",
            hint: "undo what \(batch.batch) did: \(command: "rollback --id \(batch.batch)")")
    }

    /// The latest batch of a job and tenant of which something stands.
    fileprivate func latest(_ job: String, _ tenant: String?) throws(BatchError) -> BatchRecord? {
        try latestBatch(
            of: job,
            where: """
                tenant IS ?2 AND kind = 'batch' \
                AND EXISTS(SELECT 1 FROM main.batchmgr_checkpoints c WHERE c.batch = seq AND c.undone_by IS NULL)
                """, [.optional(tenant)])
    }

    /// A batch of which a part was undone cannot go on.
    func partlyUndone(_ batch: BatchRecord) throws(BatchError) -> BatchError {
        guard let undoer = try undoers(of: batch.seq).first else {
            return BatchError(
                .wrongState, "batch \(batch.batch) was rolled back in part",
                hint: "see it: \(command: "show --id \(batch.batch)")")
        }
        return BatchError(
            .wrongState, "batch \(batch.batch) was rolled back in part by \(undoer), so it cannot continue",
            hint:
                "undo the rest: \(command: "rollback --id \(batch.batch)"); or first bring back the part: \(command: "rollback --id \(undoer)")"
        )
    }
}
