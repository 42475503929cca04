public import BatchCore
public import BatchEngine

/// Carries a repair job out: one batch for each tenant who has something wrong, so that none crosses a tenant.
public struct RepairRun {
    private let job: JobDefinition
    private let values: ParameterValues
    private let mode: HealRunReport.Mode
    /// Opens the database for a tenant, or for all.
    private let open: (String?) throws(BatchError) -> Session

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
        let session = try open(tenant)
        let found = try Findings(session).of(job, values, tenant: tenant)
        var executions: [HealRunReport.Execution] = []
        for target in try targets(found.tenants, tenant, session) {
            if session.context.stopWish() != .goOn { break }
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
            .invalidCatalog, "job \(job.id): finds names a row without its tenant, and the job works for one at a time",
            hint: "let finds select the tenant of each row; see it: \(command: "catalog show --id \(job.id)")")
    }

    // MARK: One tenant

    private func execute(_ tenant: String?, _ findings: [Finding]) throws(BatchError) -> HealRunReport.Execution {
        let session = try open(tenant)
        let before = findings.count { tenant == nil || $0.tenant == tenant }
        let history = try RepairHistory(session)
        if mode == .apply, history.frozen(job.id).contains(tenant ?? "") {
            return .init(tenant: tenant, outcome: .frozen, before: before)
        }
        let execution = attempt(session, tenant, before: before)
        try note(execution, session)
        if execution.outcome == .failed, mode == .apply {
            try freezeIfHopeless(session, tenant)
        }
        return execution
    }

    private func attempt(_ session: Session, _ tenant: String?, before: Int) -> HealRunReport.Execution {
        let runner = Runner(session)
        do throws(BatchError) {
            if mode == .dryRun {
                let run = try runner.preview(job, values, tenant: tenant)
                return .init(tenant: tenant, outcome: .discarded, before: before, run: run)
            }
            switch try runner.submit(RunOrder(job: job, values: values, tenant: tenant)) {
            case .planned(let plan):
                return .init(tenant: tenant, outcome: .planned, before: before, after: before, plan: plan)
            case .ran(let run):
                let after = try Findings(session).of(job, values, tenant: tenant).findings.count
                return .init(
                    tenant: tenant, outcome: after == 0 ? .healed : after < before ? .partial : .failed, before: before,
                    after: after, run: run)
            }
        } catch {
            return .init(tenant: tenant, outcome: .failed, before: before, after: nil, error: error)
        }
    }

    private func note(_ execution: HealRunReport.Execution, _ session: Session) throws(BatchError) {
        try session.note(
            RepairHistory.ran, batch: execution.run.flatMap { mode == .apply ? $0.batch : nil },
            tenant: execution.tenant, outcome: execution.outcome.rawValue,
            details: [
                "job": .string(job.id), "version": .string("\(job.version)"), "level": JSONValue(job.level),
                "mode": .string(mode.rawValue), "target": .string(execution.tenant ?? ""),
                "findings_before": JSONValue(execution.before),
                "findings_after": execution.after.map { JSONValue($0) } ?? .null,
                "plan": JSONValue(execution.plan.map { "\($0.id)" }),
                "error": JSONValue(execution.error?.code.rawValue),
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
    }
}
