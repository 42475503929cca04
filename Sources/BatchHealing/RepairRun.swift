internal import BatchCatalog
public import BatchCore
public import BatchEngine

/// Carries a repair job out: one batch for each tenant who has something wrong, so that none crosses a tenant.
public struct RepairRun {
    private let job: JobDefinition
    private let values: ParameterValues
    private let mode: HealRunReport.Mode
    /// Opens the database for a tenant, or for all.
    private let open: (String?) throws(BatchError) -> Session

    /// What has begun it, as people are told: `queue job 12`; nil for a person.
    public var begunBy: String?
    /// The job of the queue that it is.
    public var queued: QueuedRun?
    /// The key of its batches, one for each tenant: what a queue began is known by it.
    public var key: String?
    /// Nobody has looked at what an earlier process left that died.
    public var isUnattended = false
    /// A batch of it that is half done is left as it is, and another one made.
    public var isAnew = false
    /// How long a plan may be applied; nil for the usual time.
    public var planLife: Duration?

    public init(
        _ job: JobDefinition, _ values: ParameterValues, mode: HealRunReport.Mode,
        open: @escaping (String?) throws(BatchError) -> Session
    ) {
        self.job = job
        self.values = values
        self.mode = mode
        self.open = open
    }

    /// What became of one tenant stops nothing for the others.
    public func perform(tenant: String?) throws(BatchError) -> HealRunReport {
        guard job.repair?.isFlagOnly != true else {
            throw BatchError(
                .usage, "\(job.id) only reports what is wrong: a person corrects it",
                hint:
                    "see it: \(command: "heal scan \(job.id)"); correct it by a plan: \(command: "run --id NAME --sql SQL --propose")"
            )
        }
        let session = try open(tenant)
        let found = try Findings(session).of(job, values, tenant: tenant)
        var executions: [HealRunReport.Execution] = []
        let wanted = try targets(found.tenants, tenant, session)
        // A halt is for all tenants, and a tenant's own audit does not tell of it.
        let isShared = session.database.tenancy == .column
        let halt = try RepairHalt(job: job.id, session: tenant == nil || !isShared ? session : try open(nil))
        for target in wanted {
            if session.context.stopWish() != .goOn { break }
            if mode == .apply, try halt.holds(executions, of: wanted) {
                let held = HealRunReport.Execution(
                    tenant: target, outcome: .halted, before: findings(of: target, found.findings))
                try note(held, try open(target), mode)
                executions.append(held)
                continue
            }
            executions.append(try execute(target, found.findings))
        }
        let isChanged = mode == .apply
        let after = isChanged ? try Findings(session).of(job, values, tenant: tenant).findings.count : nil
        return HealRunReport(
            job: job.id, mode: mode, executions: executions, before: found.findings.count, after: after)
    }

    /// A job without tenants, or on a database without, is carried out once.
    private func targets(
        _ found: [String?], _ tenant: String?, _ session: Session
    ) throws(BatchError) -> [String?] {
        guard !found.isEmpty else { return [] }
        if job.tenant == .none || session.database.tenancy == .none { return [nil] }
        if let tenant { return [tenant] }
        guard found.contains(where: { $0 == nil }) else { return found }
        throw BatchError(
            .invalidCatalog,
            "job \(job.id): finds returns a row without its tenant, and the job works for one tenant at a time",
            hint: "make finds select the tenant of each row; see it: \(command: "catalog show --id \(job.id)")")
    }

    // MARK: One tenant

    private func execute(_ tenant: String?, _ findings: [Finding]) throws(BatchError) -> HealRunReport.Execution {
        let session = try open(tenant)
        let before = self.findings(of: tenant, findings)
        let history = try RepairHistory(session)
        if mode != .dryRun, history.frozen(job.id).contains(tenant ?? "") {
            let held = HealRunReport.Execution(tenant: tenant, outcome: .frozen, before: before)
            try note(held, session, mode)
            return held
        }
        if mode == .apply, job.repair?.needsDryRun == true {
            let tried = attempt(try open(tenant), tenant, before: before, .dryRun)
            try note(tried, session, .dryRun)
            guard tried.outcome == .discarded else { return tried }
        }
        let execution = attempt(session, tenant, before: before, mode)
        try note(execution, session, mode)
        if execution.outcome == .failed, mode == .apply {
            try freezeIfHopeless(session, tenant)
        }
        return execution
    }

    private func findings(of tenant: String?, _ findings: [Finding]) -> Int {
        findings.count { tenant == nil || $0.tenant == tenant }
    }

    private func attempt(
        _ session: Session, _ tenant: String?, before: Int, _ mode: HealRunReport.Mode
    ) -> HealRunReport.Execution {
        let runner = Runner(session)
        do throws(BatchError) {
            if mode == .dryRun {
                let half = isAnew ? nil : try session.halfDone(job, tenant: tenant)
                let run: RunReport
                if let half {
                    try require(half)
                    run = try runner.previewResume(.batch(half.batch))
                } else {
                    run = try runner.preview(job, values, tenant: tenant, isAnew: isAnew)
                }
                return .init(
                    tenant: tenant, outcome: .discarded, before: before, run: run, continued: half?.batch)
            }
            switch try submit(runner, session, tenant) {
            case .planned(let plan):
                return .init(tenant: tenant, outcome: .planned, before: before, after: before, plan: plan)
            case .ran(let run):
                let after = try Findings(session).of(job, values, tenant: tenant).findings.count
                return .init(
                    tenant: tenant, outcome: after == 0 ? .healed : after < before ? .partial : .failed, before: before,
                    after: after, run: run)
            }
        } catch {
            return .init(
                tenant: tenant, outcome: RepairRun.outcome(of: error), before: before, after: nil, error: error)
        }
    }

    /// A batch of an earlier run that has done a part of the work is gone on with.
    private func submit(
        _ runner: Runner, _ session: Session, _ tenant: String?
    ) throws(BatchError) -> Runner.Submission {
        do throws(BatchError) {
            let because = mode == .propose ? "heal run --propose" : nil
            var order = RunOrder(
                job: job, values: values, tenant: tenant, key: key(of: tenant), suggestion: because, planLife: planLife)
            order.isAnew = isAnew
            order.queued = queued
            return try runner.submit(order)
        } catch {
            guard !isAnew, error.code == .wrongState, let half = try session.halfDone(job, tenant: tenant) else {
                throw error
            }
            guard mode == .apply else {
                throw error.with(
                    hint:
                        "continue it: \(command: "heal run \(job.id) --apply"); or undo it: \(command: "rollback --id \(half.batch)")"
                )
            }
            try require(half)
            if isUnattended { try runner.requireKnownOutcome(of: half.batch) }
            return .ran(try runner.resume(.batch(half.batch)))
        }
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when a half-done batch was begun with another definition.
    private func require(_ half: (batch: BatchID, isSameDefinition: Bool)) throws(BatchError) {
        guard !half.isSameDefinition else { return }
        throw BatchError(
            .wrongState, "\(half.batch) is half done, and job \(job.id) has changed since",
            hint:
                "continue it as it was: \(command: "resume --id \(half.batch)"); or undo it: \(command: "rollback --id \(half.batch)")"
        )
    }

    private func key(of tenant: String?) -> String? {
        key.map { key in tenant.map { "\(key)/\($0)" } ?? key }
    }

    /// What people or other work hold back says nothing about the repair.
    private static func outcome(of error: BatchError) -> HealRunReport.Outcome {
        switch error.code {
        case .safeMode, .jobDisabled, .moduleOff, .busy, .wrongState, .leaseLost: .skipped
        case .stopped: .stopped
        default: .failed
        }
    }

    private func note(
        _ execution: HealRunReport.Execution, _ session: Session, _ mode: HealRunReport.Mode
    ) throws(BatchError) {
        // What is held back is tried again and again by a queue, and told once.
        if session.context.origin != .person, [.skipped, .frozen, .halted].contains(execution.outcome),
            try RepairHistory(session).isLast(execution, of: job.id)
        {
            return
        }
        try session.note(
            RepairHistory.ran, batch: execution.run.flatMap { mode == .apply ? $0.batch : nil },
            tenant: execution.tenant, outcome: execution.outcome.rawValue,
            details: [
                "job": .string(job.id), "version": .string("\(job.version)"), "level": JSONValue(job.level),
                "mode": .string(mode.rawValue), "target": .string(execution.tenant ?? ""),
                "findings_before": JSONValue(execution.before),
                "findings_after": execution.after.map { JSONValue($0) } ?? .null,
                "plan": JSONValue(execution.plan.map { "\($0.id)" }),
                "error": JSONValue(execution.error?.code.rawValue), "begun_by": JSONValue(begunBy),
            ])
    }

    private func freezeIfHopeless(_ session: Session, _ tenant: String?) throws(BatchError) {
        let failures = try RepairHistory(session).failures(job.id, tenant, before: session.context.now())
        guard failures >= RepairHistory.attempts else { return }
        try session.note(
            RepairHistory.froze, batch: nil, tenant: tenant, outcome: "done",
            details: [
                "job": .string(job.id), "target": .string(tenant ?? ""), "failures": JSONValue(failures),
            ])
        try Incidents(session).open(
            job.repair?.faults ?? .data, .error, "repair \(job.id) is frozen: it has failed \(failures) times in a day",
            cause: "freeze:\(job.id):\(tenant ?? "")", tenant: tenant,
            module: try ModuleList.load(folder: session.workspace.catalog).modules(of: job).first,
            actions: [
                .init(level: 1, text: "see what it did", command: "heal history \(job.id)"),
                .init(level: 2, text: "let it try again", command: "heal thaw \(job.id) --reason TEXT"),
            ])
    }
}

/// When most targets are sick, they are sick of one thing: repairing goes on when that has been well for a while.
struct RepairHalt {
    private let job: String
    /// For all tenants.
    private let session: Session
    private let history: RepairHistory

    /// Fewer targets prove nothing.
    private static let fewest = 5
    private static let share = 0.4

    init(job: String, session: Session) throws(BatchError) {
        self.job = job
        self.session = session
        history = try RepairHistory(session)
    }

    /// - Parameters:
    ///   - executions: of this run so far.
    ///   - wanted: the targets of this run.
    func holds(_ executions: [HealRunReport.Execution], of wanted: [String?]) throws(BatchError) -> Bool {
        if executions.contains(where: { $0.outcome == .halted }) { return true }
        let now = session.context.now()
        if history.halted(job, at: now) != nil { return true }
        var (all, sick) = history.targets(job, before: now)
        all.formUnion(wanted.map { $0 ?? "" })
        for execution in executions {
            let target = execution.tenant ?? ""
            switch execution.outcome {
            case .failed, .frozen: sick.insert(target)
            case .healed, .partial: sick.remove(target)
            case .planned, .discarded, .halted, .skipped, .stopped: break
            }
        }
        guard all.count >= RepairHalt.fewest, Double(sick.count) > RepairHalt.share * Double(all.count) else {
            return false
        }
        try session.note(
            RepairHistory.halted, batch: nil, tenant: nil, outcome: "done",
            details: ["job": .string(job), "sick": JSONValue(sick.count), "targets": JSONValue(all.count)])
        try Incidents(session).open(
            .data, .critical, "repair \(job) is halted: it fails for \(sick.count) of \(all.count) targets",
            cause: "halt:\(job)",
            actions: [
                .init(level: 3, text: "find what they have in common", command: "heal history \(job)"),
                .init(level: 2, text: "let it try again", command: "heal thaw \(job) --reason TEXT"),
            ])
        return true
    }
}
