internal import BatchCatalog
public import BatchCore
public import BatchEngine
internal import BatchSystem

/// What each `audit.*` step looks at. Names and counts come of it, and no values of rows.
struct AuditLooks {
    let session: Session

    func look(_ order: AuditStep.Order) throws(BatchError) -> AuditStep.Result {
        let name = order.kind.rawValue
        switch order.kind {
        case .digests: return try digests(order)
        case .contracts: return try contracts(order)
        case .integrity:
            return try count(name, "PRAGMA integrity_check(100)", ("fault of the file", "faults of the file")) {
                $0 == "ok"
            }
        case .keys:
            return try count(
                name, "PRAGMA foreign_key_check",
                ("row that refers to a missing row", "rows that refer to missing rows"))
        case .copies: return checks(name, try session.verify(isFast: true).checks)
        case .drill:
            let sample = order.settings["sample"]?.integer.map { Int($0) }
            return checks(name, try Drill(session).perform(sample: sample).checks)
        case .disk: return disk(order)
        case .files: return try files(name)
        case .rules: return try rules(order)
        case .report: return .init(name, .passed, "")
        }
    }

    private func digests(_ order: AuditStep.Order) throws(BatchError) -> AuditStep.Result {
        let found = try session.compareDigests(first: order.left, since: order.since, isOver: order.isOver)
        var words = ["\(Counted.text(found.tables, "table")), \(Counted.text(found.rows, "row"))"]
        if !found.changed.isEmpty { words.append("changed outside batches: \(found.changed.joined(separator: ", "))") }
        if found.hasSchemaChange { words.append("the schema was changed outside batches") }
        if found.kept > 0 {
            words.append("\(Counted.text(found.kept, "change")) from outside kept since the last audit")
        }
        if !found.left.isEmpty { words.append("\(Counted.text(found.left.count, "table")) left for the next time") }
        let changed = found.changed.count + (found.hasSchemaChange ? 1 : 0) + found.kept
        return .init(
            order.kind.rawValue, changed > 0 ? .failed : .passed, words.joined(separator: "; "),
            ["changed": Int64(changed)], left: found.left)
    }

    private func contracts(_ order: AuditStep.Order) throws(BatchError) -> AuditStep.Result {
        guard let folder = session.workspace.catalog else { return .init("", .passed, "there are none") }
        let occasions = order.settings["when"]?.array?.compactMap(\.string)
        let declared = try ContractList.load(folder: folder)
        if let error = Diagnostic.error(declared.mistakes, .invalidCatalog, hint: "\(command: "contract list")") {
            throw error
        }
        let wanted = declared.contracts.filter { occasions?.contains($0.occasion.rawValue) ?? true }
        let early = Set(order.left)
        var (figures, left, outcome) = ([String: Int64](), [String](), Check.Outcome.passed)
        for contract in wanted.filter({ early.contains($0.id) }) + wanted.filter({ !early.contains($0.id) }) {
            guard figures.isEmpty || !order.isOver() else {
                left.append(contract.id)
                continue
            }
            let report = try ContractCheck(session).report([contract], tenant: nil)
            figures[contract.id] = report.entries.first.map { Int64($0.violations) } ?? 0
            switch report.entries.first?.status {
            case .fail: outcome = .failed
            case .warn where outcome == .passed: outcome = .warning
            default: break
            }
        }
        let broken = figures.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        var words = [
            broken.isEmpty ? "\(Counted.text(figures.count, "contract")), all kept" : broken.joined(separator: ", ")
        ]
        if !left.isEmpty { words.append("\(Counted.text(left.count, "contract")) left for the next time") }
        return .init(order.kind.rawValue, outcome, words.joined(separator: "; "), figures, left: left)
    }

    /// Rows of a pragma that are not as they should be.
    private func count(
        _ name: String, _ sql: String, _ noun: (one: String, more: String), isGood: (String) -> Bool = { _ in false }
    ) throws(BatchError) -> AuditStep.Result {
        let answer = try CatalogQuery(session).ask(sql, [:], what: name, limit: 1_000)
        let good = answer.rows.count { isGood($0.first?.string ?? "") }
        let bad = answer.count - good
        return .init(
            name, bad > 0 ? .failed : .passed,
            bad > 0 ? Counted.text(bad, noun.one, plural: noun.more) : "nothing is wrong",
            ["wrong": Int64(bad)])
    }

    private func checks(_ name: String, _ checks: [Check]) -> AuditStep.Result {
        // The point of this very audit is written when it is done.
        let failed = checks.filter { $0.outcome == .failed }
        let words =
            failed.isEmpty
            ? "\(Counted.text(checks.count, "check")) passed" : failed.prefix(5).map(\.name).joined(separator: ", ")
        return .init(name, failed.isEmpty ? .passed : .failed, words, ["failed": Int64(failed.count)])
    }

    private func disk(_ order: AuditStep.Order) -> AuditStep.Result {
        let least = Double(order.settings["least"]?.integer ?? 10)
        guard let free = HostFigures.freeDiskShare(session.workspace.folder) else {
            return .init(order.kind.rawValue, .warning, "it is not known how much is free")
        }
        return .init(
            order.kind.rawValue, free < least ? .failed : .passed, "\(Int(free)) % is free",
            ["used_percent": Int64(100 - Int(free))])
    }

    private static let filesJob = "repair_fix_orphan_files_vfs"

    private func files(_ name: String) throws(BatchError) -> AuditStep.Result {
        let jobs = try session.workspace.loadCatalog(session.context.steps.rules()).jobs
        guard let job = jobs.first(where: { $0.id == AuditLooks.filesJob && $0.repair != nil }) else {
            return .init(name, .passed, "the catalog has no \(AuditLooks.filesJob)")
        }
        let found = try Repairs(jobs).scan(session, job: job, tenant: nil).counts.first?.count ?? 0
        return .init(
            name, found > 0 ? .failed : .passed, found > 0 ? Counted.text(found, "finding") : "nothing is wrong",
            ["findings": Int64(found)])
    }

    private func rules(_ order: AuditStep.Order) throws(BatchError) -> AuditStep.Result {
        let report = try Rules(session).replay(since: order.since)
        let fired = report.fired ?? []
        let names = Set(fired.map(\.rule.id)).sorted()
        return .init(
            order.kind.rawValue, names.isEmpty ? .passed : .warning,
            names.isEmpty ? "\(Counted.text(report.events, "event")), no rule fired" : names.joined(separator: ", "),
            ["fired": Int64(fired.count)])
    }
}

/// What got worse between two audits.
public struct AuditComparison {
    /// One line for people each.
    public let worse: [String]

    public init(_ now: [AuditStep.Result], before: [AuditStep.Result]?) {
        var worse: [String] = []
        for result in now {
            let old = before?.first { $0.step == result.step }
            if AuditComparison.rank(result.outcome) > AuditComparison.rank(old?.outcome ?? .passed) {
                let was = old.map { "was \($0.outcome.rawValue)" } ?? "first audit"
                worse.append("\(result.step): \(result.outcome.rawValue) (\(was)): \(result.detail)")
                continue
            }
            let grown = result.figures.sorted { $0.key < $1.key }.filter { $0.value > old?.figures[$0.key] ?? $0.value }
            if !grown.isEmpty {
                let words = grown.map { "\($0.key) \(old?.figures[$0.key] ?? 0) → \($0.value)" }
                worse.append("\(result.step): \(words.joined(separator: ", "))")
            }
        }
        self.worse = worse
    }

    private static func rank(_ outcome: Check.Outcome) -> Int {
        switch outcome {
        case .passed: 0
        case .warning: 1
        case .failed: 2
        }
    }
}

/// The report of an audit, as Markdown and as HTML.
public struct AuditPage {
    private let title: String
    private let results: [AuditStep.Result]
    private let worse: [String]
    private let hasBefore: Bool

    public init(_ batch: BatchID, at: Timestamp, _ results: [AuditStep.Result], before: [AuditStep.Result]?) {
        title = "\(batch), \(at.seconds)"
        self.results = results
        worse = AuditComparison(results, before: before).worse
        hasBefore = before != nil
    }

    private var heading: String { hasBefore ? "Worse than last time" : "Problems" }
    private static let columns = ["check", "outcome", "found", "ms"]
    private var rows: [[String]] {
        results.map { [$0.step, $0.outcome.rawValue, $0.detail, "\($0.milliseconds)"] }
    }

    public var markdown: String {
        func cell(_ text: String) -> String { text.escaping(["|": "\\|"]) }
        let lines = worse.isEmpty ? ["Nothing."] : worse.map { "- \($0)" }
        let table =
            ["| \(AuditPage.columns.joined(separator: " | ")) |", "|---|---|---|---|"]
            + rows.map { "| \($0.map(cell).joined(separator: " | ")) |" }
        return (["# \(title)", "", "## \(heading)", ""] + lines + ["", "## All checks", ""] + table)
            .joined(separator: "\n") + "\n"
    }

    public var html: String {
        let items =
            worse.isEmpty ? "<p>Nothing.</p>" : "<ul>\(worse.map { "<li>\($0.escapedForMarkup)</li>" }.joined())</ul>"
        let head = AuditPage.columns.map { "<th>\($0)</th>" }.joined()
        let body = rows.map { "<tr>\($0.map { "<td>\($0.escapedForMarkup)</td>" }.joined())</tr>" }.joined(
            separator: "\n")
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'">
            <title>\(title.escapedForMarkup)</title></head>
            <body><h1>\(title.escapedForMarkup)</h1><h2>\(heading)</h2>\(items)
            <h2>All checks</h2><table border="1"><thead><tr>\(head)</tr></thead><tbody>
            \(body)
            </tbody></table></body></html>

            """
    }
}

extension WorkspaceRepair {
    public func look(_ order: AuditStep.Order, in session: Session) throws(BatchError) -> AuditStep.Result {
        try AuditLooks(session: session).look(order)
    }

    public func writeReport(
        of batch: BatchID, _ results: [AuditStep.Result], before: [AuditStep.Result]?, in session: Session
    ) throws(BatchError) -> String {
        let now = session.context.now()
        let page = AuditPage(batch, at: now, results, before: before)
        let folder = session.workspace.backups + "/reports"
        try Folder.create(folder)
        let path = "\(folder)/\(batch).md"
        try DurableFile.write(Array(page.markdown.utf8), to: path)
        try DurableFile.write(Array(page.html.utf8), to: "\(folder)/\(batch).html")
        let failed = results.filter { $0.outcome == .failed }
        if !failed.isEmpty {
            try Incidents(session).open(
                .data, .error, "\(batch.job): \(failed.map(\.step).joined(separator: ", ")) failed",
                cause: "audit:\(batch.job)", batches: [batch.description],
                actions: [.init(level: 3, text: "read the report: \(FilePath.shown(path))", command: "show \(batch)")])
        }
        return path
    }
}
