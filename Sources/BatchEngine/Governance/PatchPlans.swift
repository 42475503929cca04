internal import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Patch plans of a database: made by a run that may not apply, decided by a human, applied as a batch.
public struct PatchPlans {
    private let session: Session
    private let store: any ControlStore
    private let register: PatchPlanRegister
    /// Only plans of this tenant; nil for all.
    private let tenant: String?

    /// A session for one tenant sees the plans of that tenant alone.
    public init(_ session: Session) throws(BatchError) {
        self.session = session
        tenant = session.tenant
        store = try session.control()
        register = PatchPlanRegister(session: session, store: store)
    }

    // MARK: Making

    /// Makes a plan of a job instead of running it; nothing is changed.
    /// - Parameters:
    ///   - because: why it is no batch, for the approver.
    ///   - life: how long it may be applied; nil for a week.
    /// - Throws: `ERR_DATA_REHEARSAL_FAILED` when the job fails on a copy or could not be undone.
    public func propose(
        _ job: JobDefinition, _ values: ParameterValues, tenant: String? = nil, key: String? = nil,
        because: String, life: Duration? = nil
    ) throws(BatchError) -> Runner.Submission {
        try Runner(session).submit(
            RunOrder(job: job, values: values, tenant: tenant, key: key, suggestion: because, planLife: life))
    }

    // MARK: Looking

    public func list(_ status: PatchPlanStatus? = nil) throws(BatchError) -> PatchPlanListReport {
        var reports: [PatchPlanReport] = []
        for record in try store.plans().reversed() where tenant == nil || record.tenant == tenant {
            let record = try register.record(record.id, tenant: tenant)
            if status == nil || record.status == status { reports.append(register.report(record)) }
        }
        return PatchPlanListReport(plans: reports)
    }

    /// - Throws: `ERR_UX_UNKNOWN_PLAN`; `ERR_SECURITY_ALTERED_PLAN`.
    public func show(_ id: PatchPlanID) throws(BatchError) -> PatchPlanReport {
        let record = try register.record(id, tenant: tenant)
        let plan = try register.plan(record)
        return register.report(record, content: plan, stale: try LedgerHeadCheck(session: session).moved(since: plan))
    }

    // MARK: Deciding

    /// - Parameter name: of the approver; nil for the user of this process.
    /// - Throws: `ERR_SECURITY_SELF_APPROVAL`, `ERR_SECURITY_ALTERED_PLAN`, `ERR_SECURITY_EXPIRED_PLAN`,
    ///   `ERR_DATA_STALE_PLAN`, `ERR_UX_WRONG_STATE`.
    public func approve(_ id: PatchPlanID, as name: String? = nil) throws(BatchError) -> PatchPlanReport {
        try audited("plan approve", id, as: name) { (record, plan) throws(BatchError) in
            try require(record, .proposed)
            guard !PersonName.isSame(record.decidedBy ?? "", plan.author) else {
                throw BatchError(
                    .selfApproval, "\(plan.author) made \(id) and cannot approve it",
                    hint: "ask somebody else: \(command: "plan approve --id \(id) --as NAME")")
            }
            try register.requireLife(plan)
            if let moved = try LedgerHeadCheck(session: session).moved(since: plan) {
                throw ApprovedPatchPlan.stale(plan, moved)
            }
            record.status = .approved
            record.approval = try PatchPlanSeal(folder: session.backups).approval(record)
            try decide("plan approve", record, from: [.proposed])
        }
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when the plan was applied or rejected already.
    public func reject(_ id: PatchPlanID, because reason: String, as name: String? = nil) throws(BatchError)
        -> PatchPlanReport
    {
        try audited("plan reject", id, as: name) { (record, _) throws(BatchError) in
            guard record.status == .proposed || record.status == .approved else { throw wrongState(record) }
            record.status = .rejected
            record.approval = nil
            record.reason = reason
            try decide("plan reject", record, from: [.proposed, .approved])
        }
    }

    /// Nothing is decided without a row in the audit: that is written first, and the decision with it or not at all.
    private func decide(_ action: String, _ record: PatchPlanRecord, from: Set<PatchPlanStatus>) throws(BatchError) {
        let isMoved = try store.movePlan(record, from: from) { () throws(BatchError) in
            try write(action, record, record.status.rawValue, nil)
            session.context.reach("plan-audited")
        }
        if !isMoved { throw wrongState(try register.record(record.id, tenant: tenant)) }
        session.context.reach("plan-decided")
    }

    /// Decides, and leaves a row in the audit about it, also when it is refused.
    private func audited(
        _ action: String, _ id: PatchPlanID, as name: String?,
        _ decide: (inout PatchPlanRecord, PatchPlan) throws(BatchError) -> Void
    ) throws(BatchError) -> PatchPlanReport {
        let known = try register.record(id, tenant: tenant)
        var record = known
        record.decidedBy = name ?? session.context.actor
        record.typedBy = session.context.actor
        record.decidedAt = session.context.now().iso8601
        do throws(BatchError) {
            try requireThisDatabase(known)
            try decide(&record, try register.plan(known))
        } catch {
            note(action, record, "refused", error)
            throw error
        }
        return register.report(record)
    }

    /// Notes what was refused: that stands also where it cannot be noted.
    private func note(_ action: String, _ record: PatchPlanRecord, _ outcome: String, _ error: BatchError) {
        try? write(action, record, outcome, error)
    }

    private func write(
        _ action: String, _ record: PatchPlanRecord, _ outcome: String, _ error: BatchError?
    ) throws(BatchError) {
        let details: [JSONValue.Member] = [
            .init("plan", .string("\(record.id)")), .init("sha256", .string(record.sha256)),
            .init("author", .string(record.author)), .init("as", JSONValue(record.decidedBy)),
            .init("reason", JSONValue(record.reason)), .init("error", JSONValue(error?.code.rawValue)),
        ]
        try session.ledger.audit(
            action, batch: nil, outcome: outcome, details: .object(details), context: session.context)
    }

    private func require(_ record: PatchPlanRecord, _ status: PatchPlanStatus) throws(BatchError) {
        if record.status != status { throw wrongState(try store.plan(record.id) ?? record) }
    }

    private func requireThisDatabase(_ record: PatchPlanRecord) throws(BatchError) {
        let own = try session.ledger.exists() ? try session.ledger.meta("database_id") : nil
        guard own != record.database else { return }
        throw BatchError(
            .unknownPlan, "\(record.id) belongs to another database than \(session.path)",
            hint: "name the database of the plan: --db PATH, --workspace DIR or --tenant NAME")
    }

    /// Says what was decided already, by whom and when.
    private func wrongState(_ record: PatchPlanRecord) -> BatchError {
        let who = record.decidedBy.map { " by \($0)" } ?? ""
        let when = record.decidedAt.map { " at \($0)" } ?? ""
        let words =
            switch record.status {
            case .proposed: "waits for approval"
            case .approved: "is approved already\(who)\(when)"
            case .rejected: "was rejected\(who)\(when): \(record.reason ?? "")"
            case .applying: "is being applied"
            case .applied: "was applied already, as \(record.batch ?? "a batch")"
            case .failed: "was tried once, and cannot be applied again: \(record.reason ?? "its batch failed")"
            }
        return BatchError(
            .wrongState, "\(record.id) \(words)", hint: "see it: \(command: "plan show --id \(record.id)")")
    }

    // MARK: Applying

    /// Runs an approved plan as a batch.
    /// - Throws: `ERR_SECURITY_APPROVAL_REQUIRED` before it is approved; `ERR_SECURITY_ALTERED_PLAN`,
    ///   `ERR_SECURITY_EXPIRED_PLAN`, `ERR_DATA_STALE_PLAN`, `ERR_SECURITY_OTHER_CHANGES`; as `Runner.run`.
    public func apply(_ id: PatchPlanID) throws(BatchError) -> RunReport {
        let record = try register.record(id, tenant: tenant)
        let begun = BegunPlan()
        do throws(BatchError) {
            return try carryOut(record, begun)
        } catch {
            // A batch that began has its own row in the audit, with the plan in it.
            if begun.record == nil { note("plan apply", record, "refused", error) }
            throw error
        }
    }

    private func carryOut(_ record: PatchPlanRecord, _ begun: BegunPlan) throws(BatchError) -> RunReport {
        try requireThisDatabase(record)
        let plan = try register.plan(record)
        if record.status == .proposed {
            throw BatchError(
                .approvalRequired, "\(plan.id) is not approved yet",
                hint:
                    "somebody other than \(plan.author) approves it: \(command: "plan approve --id \(plan.id) --as NAME")"
            )
        }
        try require(record, .approved)
        try register.requireLife(plan)
        let job = try JobDefinition.parse(
            text: plan.definition, file: "\(plan.id)", session.context.steps.rules())
        let values = try PinnedParameters.values(plan.parameters)
        var order = RunOrder(job: job, values: values, tenant: plan.tenant, key: plan.key)
        order.plan = ApprovedPatchPlan(
            plan: plan,
            approval: Approval(
                plan: "\(plan.id)", author: plan.author, approver: record.decidedBy ?? "",
                approvedAt: record.decidedAt ?? ""), job: job, isAtomic: session.context.steps.areInRows(job)
        ) { (batch) throws(BatchError) in
            var now = record
            now.status = .applying
            now.batch = batch.description
            guard try store.movePlan(now, from: [.approved], noting: {}) else {
                throw wrongState(try register.record(record.id, tenant: tenant))
            }
            begun.record = now
        }
        return try finish(begun) { () throws(BatchError) in try Runner(session).submit(order) }
    }

    /// The plan from the moment on at which its batch begins.
    private final class BegunPlan {
        var record: PatchPlanRecord?
    }

    /// Says in `control.db` how the batch ended.
    private func finish(
        _ begun: BegunPlan, _ run: () throws(BatchError) -> Runner.Submission
    ) throws(BatchError) -> RunReport {
        var failure: BatchError?
        var report: RunReport?
        do throws(BatchError) {
            if case .ran(let done) = try run() { report = done }
        } catch {
            failure = error
        }
        if var record = begun.record {
            session.context.reach("plan-ran")
            // Its restore point may be pending, or its checklist may have failed: it is applied all the same.
            let batch = try record.batch.flatMap { BatchID($0) }
                .flatMap { (id) throws(BatchError) in try session.ledger.batch(id) }
            record.status = batch?.status == .committed ? .applied : .failed
            record.reason = failure?.description
            if batch == nil {
                record.status = .approved
                record.batch = nil
            }
            _ = try store.movePlan(record, from: [.applying]) {}
        }
        if let failure { throw failure }
        guard let report else {
            throw BatchError(.internalFault, "a plan led to another plan", hint: "report this as a defect")
        }
        if report.isRepeated {
            throw BatchError(
                .wrongState, "the key of the plan was used already, by \(report.batch)",
                hint: "see it: \(command: "show --id \(report.batch)")")
        }
        return report
    }
}
