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
    private func contentLines(_ plan: PatchPlan, _ style: Style) -> [String] {
        func detail(_ key: String) -> JSONValue? { plan.details.first { $0.key == key }?.value }
        var lines = ["why          \(Printable.text(plan.because))"]
        lines += changeLines(detail("diff") ?? .null, style)
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

    /// As `diff` shows a batch.
    private func changeLines(_ diff: JSONValue, _ style: Style) -> [String] {
        let report = ChangesReport(plan: diff)
        guard !report.isEmpty else { return ["", "no rows would change", ""] }
        var text = report.excerpt(style, all: "\(command: "plan show --id \(id) --all")")
        let unlisted = report.total.total - report.changes.count
        if unlisted > 0 {
            text +=
                "the plan lists \(Figures.count(report.changes.count, "row")); \(Figures.grouped(unlisted)) more would change\n"
        }
        return [""] + text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private func radiusLines(_ radius: JSONValue?) -> [String] {
        func list(_ key: String) -> String {
            Printable.text(radius?[key]?.array?.compactMap(\.string).joined(separator: ", ") ?? "")
        }
        var lines: [String] = []
        if !list("tenants").isEmpty { lines.append("tenants      \(list("tenants"))") }
        if !list("referring_tables").isEmpty { lines.append("refer to it  \(list("referring_tables"))") }
        for batch in radius?["batches"]?.array ?? [] {
            let name = batch["batch"]?.string ?? ""
            lines.append("changes      rows of \(name) (\(Printable.text(batch["evidence"]?.string ?? "")))")
        }
        return lines
    }
}

extension ChangesReport {
    /// What a plan says would change.
    fileprivate init(plan diff: JSONValue) {
        let tables = (diff["counts"]?["tables"]?.array ?? []).map { table in
            func count(_ key: String) -> Int { Int(table[key]?.integer ?? 0) }
            return TableCounts(
                table: table["table"]?.string ?? "",
                rows: RowCounts(inserted: count("inserted"), updated: count("updated"), deleted: count("deleted")))
        }
        let schema = (diff["schema"]?.array ?? []).map { object in
            let words = (object["object"]?.string ?? "").split(separator: " ", maxSplits: 1).map(String.init)
            return SchemaObjectChange(
                type: words.first ?? "", name: words.count > 1 ? words[1] : "", before: object["before"]?.string,
                after: object["after"]?.string)
        }
        self.init(
            changes: (diff["changes"]?.array ?? []).compactMap(Change.init(plan:)), tables: tables, schema: schema)
    }
}

extension Change {
    fileprivate init?(plan change: JSONValue) {
        guard let operation = change["op"]?.string.flatMap(Operation.init), let table = change["table"]?.string,
            let key = change["key"]
        else { return nil }
        func fields(_ side: JSONValue?) -> [Field]? { side?.members?.map { Field($0.key, SQLValue(json: $0.value)) } }
        self.init(
            operation, table: table, key: .values((key.array ?? [key]).map(SQLValue.init(json:))), keyColumns: [],
            before: fields(change["before"]), after: fields(change["after"]))
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
