internal import BatchControl
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Finds plans, makes sure that nobody edited them, and tells what a plan is waiting for.
struct PlanDesk {
    let session: Session
    let store: any PlanStore

    func path(_ record: PlanRecord) -> String { "\(session.backups)/reports/\(record.file)" }

    /// - Parameter tenant: only a plan of this tenant; nil for any.
    /// - Throws: `ERR_UX_UNKNOWN_PLAN`.
    func record(_ id: PlanID, tenant: String?) throws(BatchError) -> PlanRecord {
        guard let record = try store.plan(id), tenant == nil || record.tenant == tenant else {
            let owner = tenant.map { " of tenant \($0)" } ?? ""
            throw BatchError(
                .unknownPlan, "there is no plan \(id)\(owner)", hint: "see the plans: \(command: "plan list")")
        }
        return try settled(record)
    }

    /// The plan as it was written.
    /// - Throws: `ERR_SECURITY_ALTERED_PLAN` with what was altered.
    func plan(_ record: PlanRecord) throws(BatchError) -> PatchPlan {
        if let fault = try PlanSeal(folder: session.backups).fault(record) { throw altered(record, fault) }
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
        else { throw altered(record, "its file \(path) is no plan") }
        return plan
    }

    private func altered(_ record: PlanRecord, _ what: String) -> BatchError {
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
    private func settled(_ record: PlanRecord) throws(BatchError) -> PlanRecord {
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

    func report(_ record: PlanRecord, content: PatchPlan? = nil, stale: String? = nil) -> PlanReport {
        let expires = Timestamp(iso8601: record.expiresAt) ?? Timestamp(milliseconds: 0)
        let isOpen = record.status == .proposed || record.status == .approved
        return PlanReport(
            id: record.id, status: record.status, job: record.job, tenant: record.tenant, author: record.author,
            createdAt: Timestamp(iso8601: record.createdAt) ?? Timestamp(milliseconds: 0), expiresAt: expires,
            isExpired: isOpen && expires <= session.context.now(), decidedBy: record.decidedBy,
            decidedAt: record.decidedAt, reason: record.reason, batch: record.batch.flatMap { BatchID($0) },
            file: path(record), sha256: record.sha256, stale: isOpen ? stale : nil, content: content)
    }
}
