internal import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Undoes batches.
public struct Rollback {
    let session: Session

    public init(_ session: Session) { self.session = session }

    /// What came of it.
    public enum Outcome: Sendable {
        case done(RollbackReport)
        /// Nothing has changed; the report says what stands in the way.
        case refused(ErrorReport)
    }

    /// Undoes a batch, and in mode `cascade` what depends on it.
    /// - Parameter bound: a plan that was made before; refused when the database is not as it was then.
    public func perform(_ request: RollbackRequest, bound: BoundPlan? = nil) throws(BatchError) -> Outcome {
        let start = ContinuousClock.now
        try stopIfRunning(request.batch)
        try session.requireLedger(for: request.batch)
        let turn = try session.turn(for: LeaseWork("rollback", job: "rollback of \(request.batch)"))
        // A plan is bound to the rows too, so drift has to be known before it is looked at.
        let isBound = request.planTarget != nil || bound != nil
        let drift = isBound ? try turn.openHistory(undoing: nil) : nil
        if let bound { try LedgerHeadCheck(session: session).require(bound) }
        let batch = try BatchLookup(session).liveBatch(request.batch)
        let plan = try RollbackPlan.make(session, batch, request)
        if let bound { try LedgerHeadCheck(session: session).require(bound, plan) }
        if !request.isDryRun { try requireSwitches(plan) }
        let journal = try RollbackJournal(session: session, batch: batch.batch, isKept: !request.isDryRun)
        journal.write(
            "begin",
            [
                "batch": .string(batch.batch.description), "mode": .string(request.mode.rawValue),
                "dry_run": .bool(request.isDryRun),
            ])
        journal.write("plan", plan.json)
        let records = UndoRecords(session: session, plan: plan, journal: journal)
        do throws(BatchError) {
            try plan.requireOwner(session.owner)
            if request.mode == .restrict, !plan.dependents.isEmpty { return refuse(plan.refusal, plan, journal, []) }
            try session.ledger.requireKeys(ofRevivedBy: plan.checkpoints.map(\.checkpoint), besides: plan.order)
            try refuseReplay(plan)
            if !request.allowsMissingCompensation { try Compensation(session: session).check(plan) }
            let undone = try session.ledger.touchedRows(in: plan.checkpoints.map(\.checkpoint.id))
            let reason = isBound ? drift : try turn.openHistory(undoing: Set(undone.keys))
            return try RollbackRun(
                session: session, plan: plan, journal: journal, records: records, reason: reason,
                start: start, action: session.context.action(or: "rollback")
            )
            .perform()
        } catch {
            journal.write("refused", ["error": .string(error.description)])
            session.auditRefusal("rollback", of: batch, error)
            let isRefusal = error.code.exitCode == .refusedByDependents
            session.notify(isRefusal ? .refused : .failed, batch, error)
            guard error.code == .conflict || error.code == .schemaChanged else { throw error }
            noteRefusal(error, plan)
            let conflicts = try ConflictSearch(session: session, plan: plan, record: records.current).find()
            return .refused(ErrorReport(error, dependents: plan.dependentsReport, conflicts: conflicts))
        }
    }

    /// The way back is open to a person; what would run again has to be allowed to run.
    private func requireSwitches(_ plan: RollbackPlan) throws(BatchError) {
        let gate = SwitchGate(session)
        let batch = plan.batch
        try gate.require(
            SwitchedWork(.undo, origin: session.context.origin, job: batch.batch.job, tenant: batch.tenant),
            "rollback of \(batch.batch)")
        for again in plan.replayed {
            guard again.definition != nil else { continue }
            let job = try session.job(of: again)
            try gate.require(gate.work(job, tenant: again.tenant), "batch \(again.batch)")
        }
    }

    /// All reasons at once, before anything changes.
    private func refuseReplay(_ plan: RollbackPlan) throws(BatchError) {
        var reasons: [String] = []
        for batch in plan.replayed {
            if let reason = try Rerun.objection(to: batch, in: session, isRehearsed: false) { reasons.append(reason) }
        }
        if plan.request.allowsMissingCompensation {
            // Run again, a program whose first run still stands would have done its work twice.
            for batch in plan.replayed where try works(outside: batch) {
                reasons.append(
                    "\(batch.batch) works outside the database, and --without-compensation leaves that as it is")
            }
        }
        guard !reasons.isEmpty else { return }
        throw BatchError(
            .notReplayable,
            "what depends on \(plan.batch.batch) cannot be run again: \(reasons.joined(separator: "; "))",
            hint: "undo it without running it again: \(command: "rollback --id \(plan.batch.batch) --mode cascade")")
    }

    private func works(outside batch: BatchRecord) throws(BatchError) -> Bool {
        let steps = session.context.steps
        return try session.ledger.effects(of: batch.seq).contains { steps.kind($0.kind).place == .outside }
    }

    /// Takes back what a failed batch had committed, for `on_failure: rollback`.
    func undoFailed(_ run: BatchRun) throws(BatchError) -> Outcome {
        let request = RollbackRequest(
            batch: .batch(run.batch.batch), mode: .restrict, allowsMissingCompensation: true)
        let plan = try RollbackPlan.make(session, run.batch, request)
        // It was resumed, and others ran in between.
        if !plan.dependents.isEmpty { throw plan.refusal }
        let journal = try RollbackJournal(session: session, batch: run.batch.batch)
        journal.write("begin", ["batch": .string(run.batch.batch.description), "because": "on_failure: rollback"])
        return try RollbackRun(
            session: session, plan: plan, journal: journal,
            records: UndoRecords(session: session, plan: plan, journal: journal), reason: nil, start: .now
        ).perform()
    }

    private func refuse(
        _ error: BatchError, _ plan: RollbackPlan, _ journal: RollbackJournal, _ conflicts: [Conflict]
    ) -> Outcome {
        journal.write("refused", ["error": .string(error.description)])
        session.notify(.refused, plan.batch, error)
        noteRefusal(error, plan)
        return .refused(ErrorReport(error, dependents: plan.dependentsReport, conflicts: conflicts))
    }

    /// What cannot be written here is written when the command ends.
    private func noteRefusal(_ error: BatchError, _ plan: RollbackPlan) {
        try? session.ledger.audit(
            session.context.action(or: "rollback"), batch: plan.batch, outcome: "refused",
            details: ["code": .string(error.code.rawValue), "class": .string(error.code.errorClass.rawValue)],
            context: session.context)
    }

    /// A batch that is running is asked to stop at its next checkpoint first.
    private func stopIfRunning(_ reference: BatchReference) throws(BatchError) {
        let lease = LeaseTable(session.connection)
        guard let row = try lease.read(), row.isHeld else { return }
        let own = "status = 'running' AND (?1 IS NULL OR tenant = ?1)"
        let running = try session.ledger.batches(where: own, [.optional(session.owner)]).contains { batch in
            switch reference {
            case .batch(let id): batch.batch == id
            case .latest(let job): batch.batch.job == job
            }
        }
        guard running else { return }
        try session.requestStop(row)
        for _ in 0..<600 {
            guard let now = try lease.read(), now.isHeld, now.epoch == row.epoch else { return }
            session.context.sleep(100)
        }
        throw BatchError(
            .busy, "batch \(reference) does not come to a checkpoint", hint: "try again, or end its process first")
    }
}
