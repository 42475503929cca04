public import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// What may stand for a name, for shells that complete it. It is read without a lease, and nothing is completed or
/// written: a shell asks at every TAB.
public enum Candidates: String, Sendable, CaseIterable {
    case jobs, batches, points, tables, tenants, switches, plans, runbooks, incidents, releases, contracts, rules,
        modules, values

    private static let most = 200

    /// None where a file cannot be read: a shell has nobody to tell.
    /// - Parameter subject: whose values: a switch, or the first word of its name; nil: of any.
    public func list(in workspace: Workspace, tenant: String?, of subject: String? = nil) -> [String] {
        switch self {
        case .values: return Candidates.values(of: subject)
        case .jobs: return Candidates.unique(jobs(in: workspace) + names("job", in: workspace, tenant))
        case .batches: return names("batch", in: workspace, tenant)
        case .points:
            let sql = """
                SELECT batch FROM main.batchmgr_batches WHERE seq IN (SELECT batch FROM main.batchmgr_points) \
                ORDER BY seq DESC LIMIT \(Candidates.most)
                """
            let batches = rows(sql, in: workspace, tenant)
            return ["latest", "latest^"] + batches + batches.map { $0 + "^" }
        case .tables:
            guard let connection = connection(in: workspace, tenant) else { return [] }
            let sql = "SELECT name FROM main.sqlite_schema WHERE type = 'table' ORDER BY name"
            return Candidates.lines(sql, connection).filter { !$0.hasPrefix("sqlite_") && !connection.isLedger($0) }
        case .tenants: return names("tenant", in: workspace, tenant)
        case .switches:
            return ["safe_mode"] + jobs(in: workspace).map { "job:\($0)" }
                + names("tenant", in: workspace, tenant).map { "tenant:\($0)" }
        case .plans:
            guard let session = try? Session.view(workspace, tenant: tenant, context: .system()),
                let plans = try? PatchPlans(session).list().plans
            else { return [] }
            return plans.prefix(Candidates.most).map { "\($0.id)" }
        case .runbooks: return ((try? RunbookList.load(folder: workspace.catalog))?.runbooks ?? []).map(\.id).sorted()
        case .incidents:
            let filter = IncidentFilter(tenant: tenant ?? workspace.tenant)
            let incidents = (try? control(of: workspace)?.incidents(filter)) ?? []
            return incidents.prefix(Candidates.most).map(\.name)
        case .releases: return ((try? control(of: workspace)?.releases()) ?? []).prefix(Candidates.most).map(\.name)
        case .contracts:
            return ((try? ContractList.contracts(in: workspace.catalog)) ?? []).map(\.id).sorted()
        case .rules: return ((try? RuleList.load(folder: workspace.catalog))?.rules ?? []).map(\.id).sorted()
        case .modules: return ((try? ModuleList.load(folder: workspace.catalog))?.modules ?? []).map(\.id).sorted()
        }
    }

    private static func values(of subject: String?) -> [String] {
        let kinds: [String: SwitchName] = [
            "safe_mode": .safeMode(.everywhere), "auto_heal": .autoHeal(.job("")), "module": .module(""),
            "job": .job(""), "tenant": .tenant(""), "flag": .flag(""), "threshold": .threshold(rule: "", key: ""),
        ]
        let kind = subject.flatMap { word in kinds[String(word.prefix { $0 != ":" })] }
        let values = kind?.values ?? kinds.keys.sorted().flatMap { kinds[$0]?.values ?? [] }
        return unique(values.map(\.rawValue))
    }

    /// Nil where there is none: a shell that asks makes no file.
    private func control(of workspace: Workspace) -> (any ControlStore)? {
        guard Folder.exists(workspace.backups + "/control.db") else { return nil }
        return try? Context.system().store(of: workspace)
    }

    private func jobs(in workspace: Workspace) -> [String] {
        ((try? workspace.loadCatalog(StepRegistry.builtIn.rules()))?.jobs ?? []).map(\.id).sorted()
    }

    /// What a column of the batches holds, the latest first.
    private func names(_ column: String, in workspace: Workspace, _ tenant: String?) -> [String] {
        let sql = """
            SELECT \(column) FROM main.batchmgr_batches WHERE \(column) IS NOT NULL GROUP BY \(column) \
            ORDER BY max(seq) DESC LIMIT \(Candidates.most)
            """
        return rows(sql, in: workspace, tenant)
    }

    private func rows(_ sql: String, in workspace: Workspace, _ tenant: String?) -> [String] {
        connection(in: workspace, tenant).map { Candidates.lines(sql, $0) } ?? []
    }

    private func connection(in workspace: Workspace, _ tenant: String?) -> Connection? {
        guard let database = try? workspace.database(), let path = try? database.path(of: tenant ?? workspace.tenant)
        else { return nil }
        return try? Connection(path: path, mode: .readOnly, busyTimeout: 100)
    }

    /// One a line.
    private static func lines(_ sql: String, _ connection: Connection) -> [String] {
        (try? connection.rows(sql))?.compactMap { $0[0].string }.filter { !$0.contains("\n") } ?? []
    }

    private static func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }
}
