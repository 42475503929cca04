internal import BatchCore
internal import BatchLedger

/// A plan with the word of a human, on its way to become a batch.
struct ApprovedPatchPlan {
    let plan: PatchPlan
    let approval: Approval
    let job: JobDefinition
    /// What happens outside the database cannot wait for one commit at the end.
    let isAtomic: Bool
    /// Called when nothing stands in the way any more, and before anything is written.
    let begin: (BatchID) throws(BatchError) -> Void

    var pins: RecordedInputs {
        RecordedInputs(plan.pins.map { ($0.step, PinnedInputs(time: $0.time, seed: $0.seed)) })
    }

    /// Makes sure that the database is as it was when the plan was made. Call it when drift has been taken into the ledger.
    /// - Throws: `ERR_DATA_STALE_PLAN` with what has moved.
    func claim(_ session: Session, _ batch: BatchRecord) throws(BatchError) {
        if let moved = try LedgerHeadCheck(session: session).moved(since: plan) {
            throw ApprovedPatchPlan.stale(plan, moved)
        }
        try begin(batch.batch)
        session.context.reach("plan-claimed")
    }

    static func stale(_ plan: PatchPlan, _ moved: String) -> BatchError {
        BatchError(
            .stalePlan, "\(plan.id) is out of date: \(moved)",
            hint: "make a new plan: \(command: "run --id \(plan.job) --propose")")
    }

    /// Why the batch of the plan failed. A plan is tried once: its batch has moved the ledger.
    func failure(_ error: BatchError) -> BatchError {
        let rest = isAtomic && error.code != .otherChanges ? "; nothing of \(plan.id) was applied" : ""
        return BatchError(
            error.code, error.message + rest, hint: "make a new plan: \(command: "run --id \(plan.job) --propose")")
    }

    /// The batch has run, and is not permanent yet where that can be helped.
    /// - Throws: `ERR_SECURITY_OTHER_CHANGES` when it did not change exactly what was approved.
    func requireItsChanges(_ run: BatchRun) throws(BatchError) {
        let ledger = run.session.ledger
        let made = try ledger.checkpoints(of: run.batch.seq).map(\.id)
        let state = try ledger.state()?.combined ?? .zero
        let changes = Hex.string(try ChangesDigest(ledger, made).hash)
        guard state == plan.outcome.state, changes == plan.outcome.changes else {
            throw BatchError(
                .otherChanges,
                "the batch of \(plan.id) did not change what was approved, so it was taken back",
                hint: "make a new plan: \(command: "run --id \(plan.job) --propose")")
        }
    }
}

extension LedgerHeadCheck {
    /// In words, what has moved since a patch plan was made; nil when nothing has.
    func moved(since plan: PatchPlan) throws(BatchError) -> String? {
        let now = try head()
        if now.database != plan.head.database { return "it is of another database" }
        if now == plan.head { return nil }
        return try moved(plan.head, now).joined(separator: "; ")
    }
}
