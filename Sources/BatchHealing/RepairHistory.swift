public import BatchCore
public import BatchEngine

/// What repairs did, as the audit of the database tells it: so it survives a restart, and nobody can change it unseen.
public struct RepairHistory {
    /// So many failures in a day, and a job does nothing more for this tenant until a person thaws it.
    static let attempts = 3
    static let day: Int64 = 86_400_000

    static let ran = "heal"
    static let froze = "heal freeze"
    static let thawed = "heal thaw"
    static let halted = "heal halt"
    /// So long no target may fail, and a halted job goes on.
    static let healthy: Int64 = 900_000

    private let session: Session
    /// By time.
    private let rows: [AuditRow]

    public init(_ session: Session) throws(BatchError) {
        self.session = session
        var rows: [AuditRow] = []
        for action in [RepairHistory.ran, RepairHistory.froze, RepairHistory.thawed, RepairHistory.halted] {
            var filter = AuditFilter(tenant: session.owner)
            filter.action = action
            rows += try session.listAudit(filter, verbs: [action]).rows
                // The row that the verb of the same name ends with says nothing about a job.
                .filter { HealHistoryReport.detail("job", of: $0) != nil }
        }
        self.rows = rows.sorted { ($0.entry.at, $0.seq) < ($1.entry.at, $1.seq) }
    }

    func executions(of job: String? = nil) -> [AuditRow] {
        rows.filter { $0.entry.action == RepairHistory.ran && (job == nil || $0.job == job) }
    }

    /// `heal history`
    public func report(job: String?, limit: Int?) -> HealHistoryReport {
        let found = executions(of: job)
        return HealHistoryReport(rows: limit.map { Array(found.suffix($0)) } ?? found)
    }

    /// The tenants for which a job is frozen; an empty name for a database without tenants.
    public func frozen(_ job: String) -> [String] {
        var frozen: Set<String> = []
        for row in rows where row.job == job {
            switch row.entry.action {
            case RepairHistory.froze: frozen.insert(row.target)
            case RepairHistory.thawed: frozen.remove(row.target)
            default: break
            }
        }
        return frozen.sorted()
    }

    /// Since when a job is halted for all tenants; nil when it is not. It goes on when a person thaws it, or when no target
    /// has failed for 15 minutes.
    public func halted(_ job: String, at now: Timestamp) -> Timestamp? {
        let own = rows.filter { $0.job == job }
        guard let last = own.lastIndex(where: { $0.entry.action == RepairHistory.halted }) else { return nil }
        let after = own[last...]
        if after.contains(where: \.liftsHalt) { return nil }
        let sick = after.last { $0.entry.action == RepairHistory.halted || $0.isFailure }
        guard let since = Timestamp(iso8601: own[last].entry.at),
            let until = sick.flatMap({ Timestamp(iso8601: $0.entry.at) })
        else { return nil }
        return now.milliseconds - until.milliseconds < RepairHistory.healthy ? since : nil
    }

    /// The targets of a job within the last day, and those of them that are sick: its last execution there failed. A halt
    /// that has ended leaves nothing behind.
    func targets(_ job: String, before now: Timestamp) -> (all: Set<String>, sick: Set<String>) {
        let since = Timestamp(milliseconds: now.milliseconds - RepairHistory.day).iso8601
        let own = rows.filter { $0.job == job }
        let begin = own.lastIndex { $0.entry.action == RepairHistory.halted || $0.liftsHalt }.map {
            own.index(after: $0)
        }
        var (all, sick): (Set<String>, Set<String>) = ([], [])
        for row in own[(begin ?? 0)...] where row.entry.at >= since {
            if row.entry.action == RepairHistory.thawed { sick.remove(row.target) }
            guard row.entry.action == RepairHistory.ran, row.isApplied, row.isJudged else { continue }
            all.insert(row.target)
            if row.isFailure { sick.insert(row.target) } else { sick.remove(row.target) }
        }
        return (all, sick)
    }

    /// Failures of a job for a tenant within the last day, since it was thawed.
    func failures(_ job: String, _ tenant: String?, before now: Timestamp) -> Int {
        let since = Timestamp(milliseconds: now.milliseconds - RepairHistory.day).iso8601
        let own = rows.filter { $0.job == job && $0.target == tenant ?? "" }
        let after = own.lastIndex { $0.entry.action == RepairHistory.thawed }.map { own.index(after: $0) } ?? 0
        return own[after...].count { row in
            row.isFailure && row.entry.at >= since
        }
    }

    /// Whether the last execution of a job for this tenant ended in the same way, by the same error.
    func isLast(_ execution: HealRunReport.Execution, of job: String) -> Bool {
        guard let last = executions(of: job).last(where: { $0.target == execution.tenant ?? "" }) else { return false }
        return last.entry.outcome == execution.outcome.rawValue
            && HealHistoryReport.detail("error", of: last) == execution.error?.code.rawValue
    }

    /// Lets a frozen or halted job go on.
    /// - Parameter tenant: nil: for all tenants, and a halt is lifted too.
    /// - Throws: `ERR_UX_WRONG_STATE` when it is neither.
    public func thaw(_ job: String, tenant: String?, reason: String) throws(BatchError) -> HealThawReport {
        let frozen = frozen(job).filter { tenant == nil || $0 == tenant }
        let isHalted = halted(job, at: session.context.now()) != nil
        guard !frozen.isEmpty || (isHalted && tenant == nil) else {
            if isHalted {
                throw BatchError(
                    .wrongState, "job \(job) is halted for all tenants, and not only for \(tenant ?? "one")",
                    hint:
                        "let it continue for all tenants, without --tenant: \(command: "heal thaw \(job) --reason TEXT")"
                )
            }
            throw BatchError(
                .wrongState, "job \(job) is not frozen\(tenant.map { " for \($0)" } ?? ""), and not halted",
                hint: "see what is: \(command: "heal list")")
        }
        for target in frozen { try note(job, target, reason) }
        if isHalted, tenant == nil { try note(job, "", reason, .init("halt", .string(RepairHistory.lifted))) }
        return HealThawReport(job: job, thawed: frozen, isHaltLifted: isHalted && tenant == nil)
    }

    fileprivate static let lifted = "lifted"

    private func note(
        _ job: String, _ target: String, _ reason: String, _ more: JSONValue.Member...
    ) throws(BatchError) {
        try session.note(
            RepairHistory.thawed, batch: nil, tenant: target.isEmpty ? nil : target, outcome: "done",
            details: .object(
                [.init("job", .string(job)), .init("target", .string(target)), .init("reason", .string(reason))] + more)
        )
    }
}

extension AuditRow {
    fileprivate var job: String? { HealHistoryReport.detail("job", of: self) }
    /// The tenant; empty for a database without tenants.
    fileprivate var target: String { HealHistoryReport.detail("target", of: self) ?? "" }
    fileprivate var liftsHalt: Bool {
        entry.action == RepairHistory.thawed && HealHistoryReport.detail("halt", of: self) == RepairHistory.lifted
    }
    fileprivate var isFailure: Bool {
        entry.action == RepairHistory.ran && entry.outcome == HealRunReport.Outcome.failed.rawValue
    }
    fileprivate var isApplied: Bool {
        HealHistoryReport.detail("mode", of: self) == HealRunReport.Mode.apply.rawValue || isFailure
    }
    /// It says something about the health of its target.
    fileprivate var isJudged: Bool {
        let outcome = HealRunReport.Outcome(rawValue: entry.outcome)
        return outcome == .healed || outcome == .partial || outcome == .failed
    }
}
