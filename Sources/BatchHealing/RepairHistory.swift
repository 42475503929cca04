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

    private let session: Session
    /// By time.
    private let rows: [AuditRow]

    public init(_ session: Session) throws(BatchError) {
        self.session = session
        var rows: [AuditRow] = []
        for action in [RepairHistory.ran, RepairHistory.froze, RepairHistory.thawed] {
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
    func frozen(_ job: String) -> [String] {
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

    /// Failures of a job for a tenant within the last day, since it was thawed.
    func failures(_ job: String, _ tenant: String?, before now: Timestamp) -> Int {
        let since = Timestamp(milliseconds: now.milliseconds - RepairHistory.day).iso8601
        let own = rows.filter { $0.job == job && $0.target == tenant ?? "" }
        let after = own.lastIndex { $0.entry.action == RepairHistory.thawed }.map { own.index(after: $0) } ?? 0
        return own[after...].count { row in
            row.entry.action == RepairHistory.ran && row.entry.outcome == HealRunReport.Outcome.failed.rawValue
                && row.entry.at >= since
        }
    }

    /// Lets a frozen job go on.
    /// - Throws: `ERR_UX_WRONG_STATE` when it is not frozen.
    public func thaw(_ job: String, tenant: String?, reason: String) throws(BatchError) -> HealThawReport {
        let frozen = frozen(job).filter { tenant == nil || $0 == tenant }
        guard !frozen.isEmpty else {
            throw BatchError(
                .wrongState, "job \(job) is not frozen\(tenant.map { " for \($0)" } ?? "")",
                hint: "see what is: \(command: "heal list")")
        }
        for target in frozen {
            try session.note(
                RepairHistory.thawed, batch: nil, tenant: target.isEmpty ? nil : target, outcome: "done",
                details: ["job": .string(job), "target": .string(target), "reason": .string(reason)])
        }
        return HealThawReport(job: job, thawed: frozen)
    }
}

extension AuditRow {
    fileprivate var job: String? { HealHistoryReport.detail("job", of: self) }
    /// The tenant; empty for a database without tenants.
    fileprivate var target: String { HealHistoryReport.detail("target", of: self) ?? "" }
}
