internal import BatchCatalog
public import BatchCore
public import BatchEngine

/// The repair jobs of a catalog, and what they find.
public struct Repairs {
    /// Those with `finds`.
    public let jobs: [JobDefinition]
    /// Findings that a report keeps of one job; the others are counted.
    public static let shown = 1_000

    /// - Parameter jobs: all of the catalog.
    public init(_ jobs: [JobDefinition]) { self.jobs = jobs.filter { $0.repair != nil } }

    /// - Throws: `ERR_UX_UNKNOWN_JOB` with the name that was probably meant; also for a job that is no repair.
    public func job(named name: String) throws(BatchError) -> JobDefinition {
        if let job = jobs.first(where: { $0.id == name }) { return job }
        let meant = jobs.isEmpty ? "; the catalog has none" : Suggestion.clause(for: name, in: jobs.map(\.id))
        throw BatchError(
            .unknownJob, "no repair job is called '\(name)'\(meant)",
            hint: "see them: \(command: "heal list"); a repair is a job with 'finds': see docs/reliability.md")
    }

    /// What is wrong, by every job or by one.
    /// - Parameters:
    ///   - set: values of parameters, `NAME=VALUE`; each job takes those that it has.
    ///   - tenant: only his rows.
    public func scan(
        _ session: Session, job: JobDefinition? = nil, set: [String] = [], tenant: String?
    ) throws(BatchError) -> HealScanReport {
        var (findings, counts): ([Finding], [HealScanReport.Count]) = ([], [])
        for job in job.map({ [$0] }) ?? jobs {
            let values = try ParameterValues(job, set: set.filter { names($0, of: job) })
            let found = try Findings(session).of(job, values, tenant: tenant)
            findings += found.findings.prefix(Repairs.shown)
            counts.append(
                .init(job: job.id, count: found.findings.count, isFlagOnly: job.repair?.isFlagOnly == true))
        }
        return HealScanReport(findings: findings, counts: counts)
    }

    /// The page of the documentation about these jobs.
    public var markdown: String {
        let head = """
            # Repair jobs

            What can be repaired, and how. This page is made by `batchmgr heal list --markdown` from the files in `catalog`. What holds for all of them
            is in [reliability.md](reliability.md): no repair crosses a tenant, each is a batch that is undone like any other, and each is in the audit.

            """
        return ([head] + jobs.map(Repairs.section)).joined(separator: "\n")
    }

    private static func section(_ job: JobDefinition) -> String {
        // What its file says about it before the first key.
        let notes = job.text.split(separator: "\n").prefix { $0.hasPrefix("#") }
            .map { $0.drop { $0 == "#" || $0 == " " } }
        let level =
            switch job.level {
            case 0, 1: "\(job.level): at once"
            case 2: "2: carried out and undone on a copy first"
            default: "\(job.level): a patch plan"
            }
        let tenant =
            switch job.tenant {
            case .none: "for the whole database"
            case .optional, .required: "one batch for each tenant"
            }
        let isFlagOnly = job.repair?.isFlagOnly == true
        let facts =
            isFlagOnly
            ? [
                ("version", "\(job.version)"), ("class", job.repair?.faults.rawValue ?? ""),
                ("changes", "nothing: it only reports, and a person corrects what it finds"),
            ]
            : [
                ("version", "\(job.version)"),
                ("level", job.repair?.isPlan == true ? "\(job.level): always a patch plan" : level),
                ("class", job.repair?.faults.rawValue ?? ""), ("tenants", tenant),
                ("dry run", job.repair?.needsDryRun == true ? "comes before each run" : "when you ask for it"),
                ("steps", job.steps.map { "`\($0.id)` (\($0.kind))" }.joined(separator: ", ")),
                ("undo", "`batchmgr rollback \(job.id)`"),
            ]
        return """
            ## \(job.id)

            \(job.description).\(notes.isEmpty ? "" : " " + notes.joined(separator: " "))

            | | |
            |---|---|
            \(facts.map { "| \($0.0) | \($0.1) |" }.joined(separator: "\n"))

            """
    }

    private func names(_ assignment: String, of job: JobDefinition) -> Bool {
        let name = assignment.prefix { $0 != "=" }
        return job.parameters.contains { $0.name == name }
    }

    /// `heal list`
    public func list(_ session: Session) throws(BatchError) -> RepairListReport {
        let history = try RepairHistory(session)
        let declared = try ModuleList.load(folder: session.workspace.catalog)
        let entries = try jobs.map { (job) throws(BatchError) in
            let work = SwitchedWork(
                .run, origin: .heal, job: job.id, modules: declared.modules(of: job), faults: job.repair?.faults)
            return RepairListReport.Entry(
                job: job, modules: work.modules, isEnabled: try session.decision(on: work) == .go,
                frozen: history.frozen(job.id),
                haltedSince: history.halted(job.id, at: session.context.now()),
                lastOutcome: history.executions(of: job.id).last?.entry.outcome)
        }
        return RepairListReport(entries: entries)
    }
}

/// Asks a repair job what is wrong.
struct Findings {
    private let session: Session

    init(_ session: Session) { self.session = session }

    /// All of them for a tenant, or for all.
    func of(
        _ job: JobDefinition, _ values: ParameterValues, tenant: String?
    ) throws(BatchError) -> (findings: [Finding], tenants: [String?]) {
        guard let repair = job.repair else { return ([], []) }
        var parameters: [String: SQLValue] = ["tenant": tenant.map(SQLValue.string) ?? .null, "batch": .null]
        for entry in values.entries { parameters[entry.name] = entry.value }
        let answer = try CatalogQuery(session).ask(repair.finds, parameters, what: "finds of job \(job.id)")
        guard let key = answer.position("key") else {
            throw BatchError(
                .invalidCatalog, "job \(job.id): finds has no column 'key'",
                hint: "select tenant, key, reason, found and expected: see docs/reliability.md")
        }
        let columns = RepairDefinition.columns.map(answer.position)
        var findings: [Finding] = []
        for row in answer.rows {
            func value(_ column: Int?) -> SQLValue { column.map { row[$0] } ?? .null }
            let owner = value(columns[0]).string ?? value(columns[0]).integer.map { "\($0)" }
            if let tenant, let owner, owner != tenant { continue }
            findings.append(
                Finding(
                    job: job.id, tenant: owner, key: row[key], reason: value(columns[2]).string ?? "",
                    found: value(columns[3]), expected: value(columns[4])))
        }
        var tenants: [String?] = []
        for owner in findings.map(\.tenant) where !tenants.contains(owner) { tenants.append(owner) }
        return (findings, tenants)
    }
}

extension CatalogQuery.Answer {
    fileprivate func position(_ name: String) -> Int? { columns.firstIndex { $0.lowercased() == name } }
}
