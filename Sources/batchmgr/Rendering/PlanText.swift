public import BatchCore

extension PatchPlanListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !plans.isEmpty else { return "no plans\n" }
        let showsTenant = plans.contains { $0.tenant != nil }
        var table = TextTable(
            [("PLAN", .left), ("JOB", .left)] + (showsTenant ? [("TENANT", .left)] : []) + [
                ("STATUS", .left), ("AUTHOR", .left), ("DECIDED BY", .left), ("EXPIRES", .left), ("BATCH", .left),
            ])
        for plan in plans {
            let tenant = showsTenant ? [Printable.text(plan.tenant ?? "-")] : []
            table.append(
                ["\(plan.id)", Printable.text(plan.job)] + tenant + [
                    plan.state(style), Printable.text(plan.author), Printable.text(plan.decidedBy ?? "-"),
                    plan.expiresAt.iso8601, plan.batch?.description ?? "-",
                ])
        }
        return table.text(style)
    }
}

extension PatchPlanReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let owner = tenant.map { " for \(Printable.text($0))" } ?? ""
        var lines = ["\(style.strong("\(id)"))  \(state(style))  \(Printable.text(job))\(owner)"]
        if let content { lines += contentLines(content, style) }
        lines.append("author       \(Printable.text(author)), \(createdAt.iso8601)")
        lines.append("expires      \(expiresAt.iso8601)")
        if let decidedBy { lines.append("decided by   \(Printable.text(decidedBy)), \(decidedAt ?? "")") }
        if let reason { lines.append("because      \(Printable.text(reason))") }
        if let batch { lines.append("batch        \(batch)") }
        lines.append("file         \(Printable.text(file))")
        if let stale { lines.append(style.bad("stale        \(Printable.text(stale)): it cannot be applied any more")) }
        if let next { lines.append(style.hint(next)) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The statements alone, one on a line, for `plan show --sql`.
    public func sql(_ direction: PatchPlanRequest.Direction) -> String {
        let sql = content?.details.first { $0.key == "sql" }?.value
        let statements = sql?[direction.rawValue]?.array?.compactMap(\.string) ?? []
        let isComplete = sql?["complete"]?.bool ?? false
        let note = isComplete ? [] : ["-- not all: the plan lists the first rows, and no changes of the schema"]
        return (note + statements).map { $0 + "\n" }.joined()
    }

    fileprivate func state(_ style: Style) -> String {
        if isExpired { return style.bad("\(status.rawValue), expired") }
        return switch status {
        case .proposed, .applying: style.caution(status.rawValue)
        case .approved, .applied: style.good(status.rawValue)
        case .rejected, .failed: style.bad(status.rawValue)
        }
    }

    private var next: Hint? {
        if isExpired || stale != nil { return "make a new one: \(command: "run --id \(job) --propose")" }
        return switch status {
        case .proposed:
            "approve it: \(command: "plan approve --id \(id) --as NAME"); or: \(command: "plan reject --id \(id) --reason TEXT")"
        case .approved: "apply it: \(command: "plan apply --id \(id)")"
        case .applied: batch.map { "undo it: \(command: "rollback --id \($0)")" }
        case .failed, .rejected: "make a new one: \(command: "run --id \(job) --propose")"
        case .applying: nil
        }
    }
}

// MARK: What is in it

extension PatchPlanReport {
    /// Rows shown to people; a program reads them all.
    private static let mostRows = 20

    private func contentLines(_ plan: PatchPlan, _ style: Style) -> [String] {
        func detail(_ key: String) -> JSONValue? { plan.details.first { $0.key == key }?.value }
        var lines = ["why          \(Printable.text(plan.because))"]
        lines += changeLines(detail("diff"), style)
        lines += radiusLines(detail("blast_radius"))
        for (key, title) in [("before", "check before"), ("after", "check after")] {
            for check in detail("checks")?[key]?.array ?? [] {
                let query = check["check"]?.string ?? check["verify"]?.string ?? ""
                lines.append("\(title.padded(13))\(Printable.text(query))")
            }
        }
        for step in detail("left_out")?.array?.compactMap(\.string) ?? [] {
            lines.append("not tried    step \(Printable.text(step))")
        }
        return lines
    }

    private func changeLines(_ diff: JSONValue?, _ style: Style) -> [String] {
        let changes = diff?["changes"]?.array ?? []
        var lines = changes.prefix(PatchPlanReport.mostRows).map { "  \(PatchPlanReport.line($0, style))" }
        if changes.count > PatchPlanReport.mostRows {
            lines.append("  … all that are listed: " + HintCommand("plan show --id \(id) --json").text(style.call))
        }
        for object in diff?["schema"]?.array ?? [] {
            let was = object["before"]?.string
            let now = object["after"]?.string
            lines.append("  schema: \(Printable.text(now ?? "DROP \(object["object"]?.string ?? was ?? "")"))")
        }
        return lines
    }

    private static func line(_ change: JSONValue, _ style: Style) -> String {
        func words(_ value: JSONValue?) -> String { Printable.text(value.map { JSONWriter.text($0) } ?? "-") }
        let name = "\(Printable.text(change["table"]?.string ?? "")) \(words(change["key"]))"
        let (before, after) = (change["before"], change["after"])
        switch change["op"]?.string {
        case "insert": return style.good("+ ") + "\(name): \(words(after))"
        case "delete": return style.bad("- ") + "\(name): \(words(before))"
        default:
            let fields = (after?.members ?? []).map { field in
                "\(Printable.text(field.key)) \(words(before?[field.key])) → \(words(field.value))"
            }
            return style.caution("~ ") + "\(name): \(fields.joined(separator: ", "))"
        }
    }

    private func radiusLines(_ radius: JSONValue?) -> [String] {
        func count(_ value: JSONValue?) -> Int { Int(value?.integer ?? 0) }
        func rows(_ value: JSONValue) -> String {
            RowCounts(
                inserted: count(value["inserted"]), updated: count(value["updated"]), deleted: count(value["deleted"])
            ).words
        }
        func list(_ key: String) -> String {
            Printable.text(radius?[key]?.array?.compactMap(\.string).joined(separator: ", ") ?? "")
        }
        var lines = (radius?["tables"]?.array ?? []).map { table in
            "table        \(Printable.text(table["table"]?.string ?? "")): \(rows(table))"
        }
        if !list("tenants").isEmpty { lines.append("tenants      \(list("tenants"))") }
        if !list("referring_tables").isEmpty { lines.append("referred by  \(list("referring_tables"))") }
        for batch in radius?["batches"]?.array ?? [] {
            let name = batch["batch"]?.string ?? ""
            lines.append("changes      rows of \(name) (\(Printable.text(batch["evidence"]?.string ?? "")))")
        }
        return lines
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
