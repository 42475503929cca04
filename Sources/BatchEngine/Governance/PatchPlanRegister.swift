internal import BatchControl
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Finds plans, makes sure that nobody edited them, and tells what a plan is waiting for.
struct PatchPlanRegister {
    let session: Session
    let store: any PatchPlanStore

    func path(_ record: PatchPlanRecord) -> String { "\(session.backups)/reports/\(record.file)" }

    /// - Parameter tenant: only a plan of this tenant; nil for any.
    /// - Throws: `ERR_UX_UNKNOWN_PLAN`.
    func record(_ id: PatchPlanID, tenant: String?) throws(BatchError) -> PatchPlanRecord {
        guard let record = try store.plan(id), tenant == nil || record.tenant == tenant else {
            let owner = tenant.map { " of tenant \($0)" } ?? ""
            throw BatchError(
                .unknownPlan, "there is no plan \(id)\(owner)", hint: "see the plans: \(command: "plan list")")
        }
        return try settled(record)
    }

    /// The plan as it was written.
    /// - Throws: `ERR_SECURITY_ALTERED_PLAN` with what was altered.
    func plan(_ record: PatchPlanRecord) throws(BatchError) -> PatchPlan {
        if let fault = try PatchPlanSeal(folder: session.backups).fault(record) { throw altered(record, fault) }
        let path = path(record)
        // The name comes from the row, but its seal holds.
        guard Folder.exists(path) else { throw altered(record, "its file \(path) is gone") }
        guard try SHA256.hex(ofFile: path) == record.sha256 else {
            throw altered(record, "its file \(path) was changed after it was written")
        }
        guard
            let json = try? JSONParser.parse(
                String(decoding: try DurableFile.read(path), as: UTF8.self), refusingRepeats: true),
            let plan = PatchPlan(json: json), plan.id == record.id
        else { throw altered(record, "its file \(path) is not a plan") }
        return plan
    }

    private func altered(_ record: PatchPlanRecord, _ what: String) -> BatchError {
        BatchError(
            .alteredPlan, "\(record.id) is refused: \(what)",
            hint: "make a new plan: \(command: "run --id \(record.job) --propose")")
    }

    /// - Throws: `ERR_SECURITY_EXPIRED_PLAN`.
    func requireLife(_ plan: PatchPlan) throws(BatchError) {
        guard plan.expiresAt <= session.context.now() else { return }
        throw BatchError(
            .expiredPlan, "\(plan.id) expired at \(plan.expiresAt.iso8601)",
            hint: "make a new plan: \(command: "run --id \(plan.job) --propose")")
    }

    /// A process that was killed left its plan without a word about how it ended: the ledger tells.
    private func settled(_ record: PatchPlanRecord) throws(BatchError) -> PatchPlanRecord {
        guard record.status == .applying, try !isAtWork(), let plan = try? plan(record) else { return record }
        var settled = record
        let batch =
            try session.ledger.exists()
            ? try session.ledger.batches(where: "idempotency_key = ?", [.string(plan.key)]).last : nil
        settled.batch = batch?.batch.description
        switch batch?.status {
        case nil: settled.status = .approved
        case .committed, .rolledBack, .partiallyRolledBack: settled.status = .applied
        case .running, .stopped, .failed:
            settled.status = .failed
            settled.reason = "its process ended before the batch did"
        }
        return try store.movePlan(settled, from: [.applying], noting: {}) ? settled : record
    }

    private func isAtWork() throws(BatchError) -> Bool {
        guard let row = try LeaseTable(session.connection).read() else { return false }
        return row.isHeld && row.owner != .current()
    }

    func report(_ record: PatchPlanRecord, content: PatchPlan? = nil, stale: String? = nil) -> PatchPlanReport {
        let expires = Timestamp(iso8601: record.expiresAt) ?? Timestamp(milliseconds: 0)
        let isOpen = record.status == .proposed || record.status == .approved
        return PatchPlanReport(
            id: record.id, status: record.status, job: record.job, tenant: record.tenant, author: record.author,
            createdAt: Timestamp(iso8601: record.createdAt) ?? Timestamp(milliseconds: 0), expiresAt: expires,
            isExpired: isOpen && expires <= session.context.now(), decidedBy: record.decidedBy,
            decidedAt: record.decidedAt, reason: record.reason, batch: record.batch.flatMap { BatchID($0) },
            file: path(record), sha256: record.sha256, stale: isOpen ? stale : nil, content: content)
    }
}

/// Signatures over the rows of plans in `control.db`, by the key of the workspace: who edits a row cannot make them.
struct PatchPlanSeal {
    let key: SigningKey

    /// - Parameter folder: the backups folder.
    init(folder: String) throws(BatchError) { key = try SigningKey(folder: folder) }

    /// What is fixed when a plan is made.
    func seal(_ record: PatchPlanRecord) throws(BatchError) -> String { try sign(PatchPlanSeal.made(record)) }

    /// The word of the approver.
    func approval(_ record: PatchPlanRecord) throws(BatchError) -> String { try sign(PatchPlanSeal.approved(record)) }

    /// In words, which part of the row was edited; nil when none was.
    func fault(_ record: PatchPlanRecord) -> String? {
        guard verifies(record.seal, PatchPlanSeal.made(record)) else { return "its row in control.db was edited" }
        guard [.approved, .applying].contains(record.status) else { return nil }
        guard let approval = record.approval, verifies(approval, PatchPlanSeal.approved(record)) else {
            return "its approval in control.db was not signed by this workspace, or was edited"
        }
        return nil
    }

    private static func made(_ record: PatchPlanRecord) -> JSONValue {
        [
            "format": "batchmgr plan 1", "plan": .string("\(record.id)"), "database": .string(record.database),
            "job": .string(record.job), "tenant": JSONValue(record.tenant), "author": .string(record.author),
            "created_at": .string(record.createdAt), "expires_at": .string(record.expiresAt),
            "file": .string(record.file), "sha256": .string(record.sha256),
        ]
    }

    private static func approved(_ record: PatchPlanRecord) -> JSONValue {
        [
            "format": "batchmgr approval 1", "plan": .string("\(record.id)"), "database": .string(record.database),
            "sha256": .string(record.sha256), "approver": JSONValue(record.decidedBy),
            "typed_by": JSONValue(record.typedBy), "approved_at": JSONValue(record.decidedAt),
        ]
    }

    private static func bytes(_ value: JSONValue) -> [UInt8] { Array(JSONWriter.text(value).utf8) }

    private func sign(_ value: JSONValue) throws(BatchError) -> String {
        Hex.string(try key.sign(PatchPlanSeal.bytes(value)))
    }

    private func verifies(_ signature: String, _ value: JSONValue) -> Bool {
        Hex.bytes(signature).map { key.publicKey.verifies($0, of: PatchPlanSeal.bytes(value)) } ?? false
    }
}

/// A plan with the word of a human, on its way to become a batch.
struct ApprovedPatchPlan {
    let plan: PatchPlan
    let approval: Approval
    let job: JobDefinition
    /// What happens outside the database cannot wait for one commit at the end.
    let isAtomic: Bool
    /// Called when nothing stands in the way any more, and before anything is written.
    let begin: (BatchID) throws(BatchError) -> Void

    var inputs: RecordedInputs {
        RecordedInputs(plan.inputs.map { ($0.step, PinnedInputs(time: $0.time, seed: $0.seed)) })
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
                "the batch of \(plan.id) did not change what was approved, so it was undone",
                hint: "make a new plan: \(command: "run --id \(plan.job) --propose")")
        }
    }
}

extension LedgerHeadCheck {
    /// In words, what has moved since a patch plan was made; nil when nothing has.
    func moved(since plan: PatchPlan) throws(BatchError) -> String? {
        let now = try head()
        if now.database != plan.head.database { return "it belongs to another database" }
        if now == plan.head { return nil }
        return try moved(plan.head, now).joined(separator: "; ")
    }
}
