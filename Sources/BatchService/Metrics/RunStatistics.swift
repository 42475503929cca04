public import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine
internal import BatchLedger
internal import BatchSystem

/// What the ledgers say about the batches of a span of time.
public struct RunStatistics {
    private let workspace: Workspace
    private let context: Context

    public init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    private static let day: Int64 = 86_400_000
    /// Days that are counted one by one.
    private static let mostDays: Int64 = 90

    /// What is gathered of one job.
    private struct Tally {
        var statuses: [String: Int] = [:]
        var errors: [String: Int] = [:]
        var rollbacks = 0
        var times: [Double] = []
        var days: [Int64: Int] = [:]

        /// Of the same job, in the file of another tenant.
        mutating func add(_ other: Tally) {
            statuses.merge(other.statuses, uniquingKeysWith: +)
            errors.merge(other.errors, uniquingKeysWith: +)
            rollbacks += other.rollbacks
            times += other.times
            days.merge(other.days, uniquingKeysWith: +)
        }
    }

    public func report(since: Timestamp, job: String?, tenant: String?) throws(BatchError) -> MetricsReport {
        let until = context.now()
        var jobs: [MetricsReport.Job] = []
        for database in workspace.databases {
            let chosen = workspace.choosing(database)
            var tallies: [String: Tally] = [:]
            for owner in try files(of: database, chosen, tenant) {
                let session = try Session.view(chosen, tenant: owner, context: context)
                guard try session.ledger.exists() else { continue }
                for (name, tally) in try self.tallies(session, since, job, database.tenancy == .file ? nil : tenant) {
                    tallies[name, default: Tally()].add(tally)
                }
            }
            for (name, tally) in tallies.sorted(by: { $0.key < $1.key }) {
                jobs.append(
                    MetricsReport.Job(
                        database: database.name, job: name, statuses: tally.statuses, errors: tally.errors,
                        rollbacks: tally.rollbacks, times: .init(tally.times), days: days(tally, since, until)))
            }
        }
        let signals = try Signals(workspace, context: context).list(since: since, tenant: tenant).signals
        return MetricsReport(
            since: since, until: until, jobs: jobs, signals: signals, alerts: try alerts(since, tenant),
            logBytes: logBytes())
    }

    /// For whom the files of a database are to be opened.
    private func files(
        of database: DatabaseDefinition, _ chosen: Workspace, _ tenant: String?
    ) throws(BatchError) -> [String?] {
        if let tenant { return [tenant] }
        return database.tenancy == .file ? try chosen.tenants(of: database.name, context: context) : [nil]
    }

    /// Incidents that were opened, by severity.
    private func alerts(_ since: Timestamp, _ tenant: String?) throws(BatchError) -> [String: Int] {
        let incidents = try context.store(of: workspace).incidents(IncidentFilter(tenant: tenant))
        return incidents.filter { $0.openedAt >= since }.reduce(into: [:]) { $0[$1.severity.rawValue, default: 0] += 1 }
    }

    private func tallies(
        _ session: Session, _ since: Timestamp, _ job: String?, _ tenant: String?
    ) throws(BatchError) -> [String: Tally] {
        let sql = """
            SELECT job, kind, status, started_at, finished_at, error, rolls_back FROM main.batchmgr_batches \
            WHERE started_at >= ?1 AND (?2 IS NULL OR tenant = ?2) AND kind IN ('batch', 'rollback')
            """
        var tallies: [String: Tally] = [:]
        for row in try session.connection.rows(sql, [.string(since.iso8601), .optional(tenant)]) {
            func text(_ place: Int) -> String { row[place].string ?? "" }
            if text(1) == BatchRecord.Kind.rollback.rawValue {
                let undone = text(6).split(separator: ".").first.map(String.init) ?? ""
                if job == nil || job == undone { tallies[undone, default: Tally()].rollbacks += 1 }
                continue
            }
            guard job == nil || job == text(0) else { continue }
            var tally = tallies[text(0)] ?? Tally()
            tally.statuses[text(2), default: 0] += 1
            if let begun = Timestamp(iso8601: text(3)) {
                tally.days[begun.milliseconds / RunStatistics.day, default: 0] += 1
                if let ended = Timestamp(iso8601: text(4)) {
                    tally.times.append(Double(ended.milliseconds - begun.milliseconds) / 1_000)
                }
            }
            let code = text(5).split(separator: ":").first.flatMap { ErrorCode(rawValue: String($0)) }
            if text(2) == BatchStatus.failed.rawValue {
                tally.errors[code?.errorClass.rawValue ?? "UNKNOWN", default: 0] += 1
            }
            tallies[text(0)] = tally
        }
        return tallies
    }

    private func days(_ tally: Tally, _ since: Timestamp, _ until: Timestamp) -> [Int] {
        let last = until.milliseconds / RunStatistics.day
        let first = max(since.milliseconds / RunStatistics.day, last - RunStatistics.mostDays)
        return (first...max(first, last)).map { tally.days[$0] ?? 0 }
    }

    private func logBytes() -> Int64 {
        let folder = workspace.backups + "/logs"
        return ((try? Folder.names(in: folder)) ?? []).reduce(0) { $0 + (FileStatus("\(folder)/\($1)")?.size ?? 0) }
    }
}
