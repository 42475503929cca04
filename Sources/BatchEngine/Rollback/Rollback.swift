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
        // A plan is bound to the rows too, so drift has to be known before it is looked at. A batch that runs again may
        // read it.
        let isBound = request.planTarget != nil || bound != nil
        let isOpen = isBound || request.mode == .replay
        let drift = isOpen ? try turn.openHistory(undoing: isBound ? nil : []) : nil
        if let bound { try LedgerHeadCheck(session: session).require(bound) }
        let batch = try BatchLookup(session).liveBatch(request.batch)
        session.context.phase("looking for what depends on \(batch.batch)")
        let scope = try RollbackScope.make(session, batch, request)
        if let bound { try LedgerHeadCheck(session: session).require(bound, scope) }
        if !request.isDryRun { try requireSwitches(scope) }
        let journal = try RollbackJournal(session: session, batch: batch, isKept: !request.isDryRun)
        journal.write(
            "begin",
            [
                "batch": .string(batch.batch.description), "mode": .string(request.mode.rawValue),
                "dry_run": .bool(request.isDryRun),
            ])
        journal.write("plan", scope.json)
        let records = UndoRecords(session: session, scope: scope, journal: journal)
        do throws(BatchError) {
            try scope.requireOwner(session.owner)
            if request.mode == .restrict, !scope.dependents.isEmpty { return refuse(scope.refusal, scope, journal, []) }
            try session.ledger.requireKeys(ofRevivedBy: scope.checkpoints.map(\.checkpoint), besides: scope.order)
            try refuseReplay(scope, drift)
            if !request.allowsMissingCompensation { try Compensation(session: session).check(scope) }
            let undone = try session.ledger.touchedRows(in: scope.checkpoints.map(\.checkpoint.id))
            let reason = isOpen ? drift : try turn.openHistory(undoing: Set(undone.keys))
            return try RollbackRun(
                session: session, scope: scope, journal: journal, records: records, reason: reason,
                start: start, action: session.context.action(or: "rollback")
            )
            .perform()
        } catch {
            // Nothing has changed, and nobody refused anything: there is nothing to record.
            if error.code == .stopped {
                journal.discard()
            } else {
                journal.keep()
                journal.write("refused", ["error": .string(error.description)])
            }
            session.auditRefusal("rollback", of: batch, error)
            let isRefusal = error.code.exitCode == .refusedByDependents
            session.notify(isRefusal ? .refused : .failed, batch, error)
            guard error.code == .conflict || error.code == .schemaChanged else { throw error }
            noteRefusal(error, scope)
            let conflicts = try ConflictSearch(session: session, scope: scope, record: records.current).find()
            let error = conflicts.isEmpty ? error : waysOn(error, scope)
            return .refused(ErrorReport(error, dependents: scope.dependentsReport, conflicts: conflicts))
        }
    }

    /// The rows are told with the error, so its hint need not lead to them.
    private func waysOn(_ error: BatchError, _ scope: RollbackScope) -> BatchError {
        guard error.code == .conflict, error.hint.commands.contains(where: { $0.arguments.last == "--dry-run" }) else {
            return error
        }
        // A replay needs every row back.
        let rollback: HintCommand =
            scope.request.mode == .restrict
            ? "rollback --id \(scope.batch.batch)" : "rollback --id \(scope.batch.batch) --mode cascade"
        return error.with(
            hint:
                "undo all but these rows: \(command: rollback.adding("--on-conflict keep")); or these too: \(command: rollback.adding("--on-conflict overwrite"))"
        )
    }

    /// The way back is open to a person; what would run again has to be allowed to run.
    private func requireSwitches(_ scope: RollbackScope) throws(BatchError) {
        let gate = SwitchGate(session)
        let batch = scope.batch
        try gate.require(
            SwitchedWork(.undo, origin: session.context.origin, job: batch.batch.job, tenant: batch.tenant),
            "rollback of \(batch.batch)")
        for again in scope.replayed {
            guard again.definition != nil else { continue }
            let job = try session.job(of: again)
            try gate.require(gate.work(job, tenant: again.tenant), "batch \(again.batch)")
        }
    }

    /// All reasons at once, before anything changes.
    /// - Parameter drift: what `openHistory` found before the scope was known.
    private func refuseReplay(_ scope: RollbackScope, _ drift: SnapshotChoice.Reason?) throws(BatchError) {
        var reasons: [String] = []
        if let first = scope.replayed.first, try isDrift(since: first, drift) {
            reasons.append("the database was changed outside any batch since \(first.batch), and they would read that")
        }
        for batch in scope.replayed {
            if let reason = try Rerun.objection(to: batch, in: session, isRehearsed: false) { reasons.append(reason) }
        }
        if scope.request.allowsMissingCompensation {
            // Run again, a program whose first run still stands would have done its work twice.
            for batch in scope.replayed where try works(outside: batch) {
                reasons.append(
                    "\(batch.batch) works outside the database, and --without-compensation leaves that unchanged")
            }
        }
        guard !reasons.isEmpty else { return }
        throw BatchError(
            .notReplayable,
            "what depends on \(scope.batch.batch) cannot be run again: \(reasons.joined(separator: "; "))",
            hint: "undo it without running it again: \(command: "rollback --id \(scope.batch.batch) --mode cascade")")
    }

    /// True when somebody has changed rows since a batch ran, and no batch holds that change, so that it cannot be left out.
    private func isDrift(
        since batch: BatchRecord, _ found: SnapshotChoice.Reason?
    ) throws(BatchError) -> Bool {
        if found == .drift { return true }
        guard let end = try session.ledger.checkpoints(of: batch.seq).last else { return false }
        return try session.ledger.lastPoint(where: "kind = 'drift' AND batch = 0 AND last_checkpoint >= \(end.id)")
            != nil
    }

    private func works(outside batch: BatchRecord) throws(BatchError) -> Bool {
        let steps = session.context.steps
        return try session.ledger.effects(of: batch.seq).contains { steps.kind($0.kind).place == .outside }
    }

    /// Takes back what a failed batch had committed, for `on_failure: rollback`.
    func undoFailed(_ run: BatchRun) throws(BatchError) -> Outcome {
        let request = RollbackRequest(
            batch: .batch(run.batch.batch), mode: .restrict, allowsMissingCompensation: true)
        let scope = try RollbackScope.make(session, run.batch, request)
        // It was resumed, and others ran in between.
        if !scope.dependents.isEmpty { throw scope.refusal }
        let journal = try RollbackJournal(session: session, batch: run.batch)
        journal.write("begin", ["batch": .string(run.batch.batch.description), "because": "on_failure: rollback"])
        return try RollbackRun(
            session: session, scope: scope, journal: journal,
            records: UndoRecords(session: session, scope: scope, journal: journal), reason: nil, start: .now
        ).perform()
    }

    private func refuse(
        _ error: BatchError, _ scope: RollbackScope, _ journal: RollbackJournal, _ conflicts: [Conflict]
    ) -> Outcome {
        journal.keep()
        journal.write("refused", ["error": .string(error.description)])
        session.notify(.refused, scope.batch, error)
        noteRefusal(error, scope)
        return .refused(ErrorReport(error, dependents: scope.dependentsReport, conflicts: conflicts))
    }

    /// What cannot be written here is written when the command ends.
    private func noteRefusal(_ error: BatchError, _ scope: RollbackScope) {
        try? session.ledger.audit(
            session.context.action(or: "rollback"), batch: scope.batch, outcome: "refused",
            details: .object(error.auditDetails),
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
            .busy, "batch \(reference) has not reached a checkpoint in time",
            hint: "try again, or end its process first")
    }
}

/// What a rollback did, as far as it has come.
struct RollbackResult {
    let rows: RowCounts
    let certificate: Certificate
    /// Rows that were kept or overwritten.
    let conflicts: [Conflict]
    /// Batches of which rows stay, by their names.
    let kept: Set<String>
    var replayed: [Rerun.Outcome] = []
    /// Verify queries that do not hold.
    var failing: [VerifyAfterRollback.Failing] = []
    /// What rollbacks that are undone had taken back outside the database, and is not there again, in words.
    var revived: [String] = []
    /// What stays outside the database, in words.
    var left: [String] = []
    /// Milliseconds until all was committed; nil for a dry run.
    var captured: Double?
    /// The path of the report.
    var report: String?
    /// Why there is no report.
    var unwritten: String?
    /// The path of the signed certificate.
    var signed: String?
    /// What went wrong after the commit.
    var notes: [String] = []
    /// The restore point could not be written yet.
    var pending: Warning?

    init(rows: RowCounts, certificate: Certificate, conflicts: [Conflict], kept: Set<String>) {
        self.kept = kept
        self.rows = rows
        self.certificate = certificate
        self.conflicts = conflicts
    }

    var warnings: [Warning] {
        (left + revived).map { Warning(.effectLeft, $0) } + notes.map { Warning(.certificateUnsigned, $0) }
            + (unwritten.map { [Warning(.reportNotWritten, "the report could not be written: \($0)")] } ?? [])
            + (pending.map { [$0] } ?? []) + replayed.flatMap(\.warnings)
            + failing.map { Warning(.verifyFailed, $0.words) }
            + certificate.uncheckedForeignKeys.map {
                Warning(.notChecked, "SQLite cannot check the foreign keys of table \($0), so they are not checked")
            }
    }
}
