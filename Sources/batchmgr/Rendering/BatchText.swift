public import BatchCore

extension BatchDetail: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text =
            "\(style.strong(summary.batch.description))  \(summary.status.colored(style))  \(summary.rows.words(changed: changedRows))\n"
        for (name, value) in facts { text += "\(name.padded(to: 13))  \(Printable.text(value))\n" }
        if let restorePoint {
            text += restorePoint.line + (provenAt.map { "proven         by the drill of \($0.iso8601)\n" } ?? "")
        }
        if isThinned { text += "undo log       no longer in the database: it is undone from git\n" }
        text += filesText(style) + "\n" + checkpointsText(style) + tablesText(style) + programsText(style)
        text +=
            "\ndependents\n" + DependentsReport(batch: summary.batch, dependents: dependents).text(style, width: width)
        return text
    }

    private var facts: [(String, String)] {
        var facts = [("started", summary.startedAt.iso8601)]
        if let finished = summary.finishedAt { facts.append(("finished", "\(finished.iso8601)  (\(summary.took))")) }
        if !actor.isEmpty { facts.append(("by", actor)) }
        if let tenant = summary.tenant { facts.append(("tenant", tenant)) }
        if let key { facts.append(("key", key)) }
        if let jobVersion { facts.append(("job version", jobVersion)) }
        if parameters.members?.isEmpty == false { facts.append(("parameters", JSONWriter.text(parameters))) }
        if !rollsBack.isEmpty { facts.append(("rolls back", rollsBack.map(\.description).joined(separator: ", "))) }
        if !undoneBy.isEmpty { facts.append(("undone by", undoneBy.map(\.description).joined(separator: ", "))) }
        if let replays = summary.replays { facts.append(("again", "\(replays), after a rollback")) }
        if let next = summary.replayedBy { facts.append(("run again", "as \(next)")) }
        if let error { facts.append(("error", error)) }
        return facts + [("trace", traceID)]
    }

    private func checkpointsText(_ style: Style) -> String {
        guard !checkpoints.isEmpty else { return "no checkpoints\n" }
        var table = TextTable(
            [("CHECKPOINT", .right), ("STEP", .left), ("CHUNK", .right), ("ROWS", .right), ("COMMITTED", .left)])
        for checkpoint in checkpoints.prefix(style.limit) {
            table.append([
                String(checkpoint.number), Printable.text(checkpoint.step), checkpoint.chunk.map { String($0) } ?? "-",
                Figures.grouped(checkpoint.rows.total), checkpoint.committedAt.iso8601,
            ])
        }
        return table.text(style) + style.more(checkpoints.count, "show --id \(summary.batch) --all")
    }
}

// MARK: What it changed, wrote and ran

extension BatchDetail {
    private func tablesText(_ style: Style) -> String {
        tables.isEmpty ? "" : "\n" + ChangesReport(changes: [], tables: tables).text(style, width: 0)
    }

    private func filesText(_ style: Style) -> String {
        let lines = files.prefix(style.limit).map { file in
            let size = "\(Figures.count(file.rows, "row")), \(Figures.bytes(file.bytes))"
            return "file           \(Printable.text(file.path))  (\(size)\(file.isUndone ? "; undone" : ""))\n"
                + "               sha256 \(file.sha256)\n"
        }
        return lines.joined() + style.more(files.count, "show --id \(summary.batch) --all")
    }

    private func programsText(_ style: Style) -> String {
        let texts = programs.prefix(style.limit).map { program in
            let words = program.arguments.map { Printable.text($0) }.joined(separator: " ")
            let lines = [program.output, program.errors].flatMap { $0.split(separator: "\n") }
                .map { "  \(Printable.text(String($0)))\n" }
            return "\n\(Printable.text(program.step))  \(words)\(program.isUndone ? "  (undone)" : "")\n"
                + lines.joined()
        }
        return texts.joined() + style.more(programs.count, "show --id \(summary.batch) --all")
    }
}

extension String {
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}

extension ListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !batches.isEmpty else { return "no batches\n" }
        let showsTenant = batches.contains { $0.tenant != nil }
        var table = TextTable(
            [("BATCH", .left)] + (showsTenant ? [("TENANT", .left)] : []) + [
                ("STATUS", .left), ("ROWS", .right), ("STARTED", .left), ("TOOK", .right),
            ])
        for batch in batches {
            let tenant = showsTenant ? [Printable.text(batch.tenant ?? "-")] : []
            table.append(
                [batch.batch.description] + tenant + [
                    batch.status.colored(style), Figures.grouped(batch.rows.total), batch.startedAt.iso8601,
                    batch.took,
                ])
        }
        return table.text(style) + (isMore ? style.next("… and older ones: \(command: "list --all")") : "")
    }
}

extension BatchSummary {
    /// `-` while it runs.
    var took: String {
        // The clock may have been put back meanwhile.
        guard let finishedAt, finishedAt >= startedAt else { return "-" }
        return Figures.duration(Double(finishedAt.milliseconds - startedAt.milliseconds))
    }
}

extension DependentsReport: TextReport {
    /// A tree: below each batch what depends on it, with the reasons.
    public func text(_ style: Style, width: Int) -> String {
        var lines = [style.strong(batch.description)]
        if dependents.isEmpty, elsewhere.isEmpty { return lines[0] + "\n  nothing depends on it\n" }
        var seen: Set<BatchID> = [batch]
        appendChildren(of: batch, indent: "", &lines, &seen, style)
        if !elsewhere.isEmpty { lines += ["", "in other databases, to be undone there (--database NAME)"] }
        for dependent in elsewhere {
            lines.append(
                "  \(dependent.batch)  in \(Printable.text(dependent.place)) (queued by step \(dependent.step) as job \(dependent.job))"
            )
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private func appendChildren(
        of parent: BatchID, indent: String, _ lines: inout [String], _ seen: inout Set<BatchID>, _ style: Style
    ) {
        let children = dependents.filter { $0.edges.contains { $0.on == parent } }
        for (index, child) in children.enumerated() {
            let isLast = index == children.count - 1
            let reasons = child.edges.filter { $0.on == parent }
                .map { "\($0.kind.words) (\(Printable.text($0.evidence)))" }
            // A batch that depends on several is drawn with its own dependents once.
            let isNew = seen.insert(child.batch).inserted
            let more = isNew || !hasChildren(child.batch) ? "" : style.faint("  (see above)")
            lines.append(
                "\(indent)\(isLast ? "└─ " : "├─ ")\(child.batch)  \(reasons.joined(separator: "; "))\(more)")
            guard isNew else { continue }
            appendChildren(of: child.batch, indent: indent + (isLast ? "   " : "│  "), &lines, &seen, style)
        }
    }

    private func hasChildren(_ batch: BatchID) -> Bool {
        dependents.contains { $0.edges.contains { $0.on == batch } }
    }
}

extension DependencyKind {
    /// For people.
    public var words: String {
        switch self {
        case .declared: "declared"
        case .row: "wrote the same rows"
        case .foreignKey: "refers to its rows"
        case .unique: "took a unique value that it freed"
        case .read: "read columns that it wrote"
        }
    }
}

extension PointsReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !points.isEmpty else { return "no restore points\n" }
        var table = TextTable([
            ("POINT", .left), ("KIND", .left), ("STATUS", .left), ("CREATED", .left), ("COMMIT", .left), ("BAK", .left),
        ])
        for point in points {
            let copies = point.copies
            table.append([
                point.batch?.description ?? "-", point.kind.rawValue, copies.status.colored(style),
                point.createdAt.iso8601, copies.commit.map { String($0.prefix(10)) } ?? "-",
                copies.bak.map { "\(copies.bakKind?.rawValue ?? "")  \(Printable.text(PointsReport.fileName($0)))" }
                    ?? "-",
            ])
        }
        return (isMore ? style.next("older ones: \(command: "points --all")") : "") + table.text(style)
    }

    /// All of them are in one folder.
    private static func fileName(_ path: String) -> String { path.pathNames.last ?? path }
}

extension PointStatus {
    fileprivate func colored(_ style: Style) -> String {
        switch self {
        case .complete: style.good(rawValue)
        case .pending: style.caution(rawValue)
        case .damaged: style.bad(rawValue)
        }
    }
}

extension RestoreReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = WarningText.text(warnings, style)
        text += "\(style.strong(Printable.text(file)))  is \(Printable.text(point))"
        text += ", rebuilt from \(source == .bak ? "the .bak files" : "git") in \(Figures.duration(duration))\n"
        text += "digest         \(digest)  \(style.good("as recorded"))\n"
        if let commit { text += "commit         \(commit)\n" }
        if !staleIndexes.isEmpty {
            let names = staleIndexes.map { Printable.text($0) }.joined(separator: ", ")
            text += "\(style.caution("warning:")) REINDEX these where the application's functions are: \(names)\n"
        }
        return text
    }
}

extension StatusReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = ""
        if let lost {
            text += "\(style.bad("lost"))            \(Printable.text(lost.message))\n" + style.next(lost.hint)
        }
        for batch in batches {
            text +=
                "\(style.strong(batch.batch.description))  \(batch.status.colored(style))  \(batch.startedAt.iso8601)  \(batch.rows.words)\n"
        }
        if batches.isEmpty { text += "no batch has run yet\n" }
        for batch in halfDone {
            let later = overtaken[batch]
            text += "\(style.caution("half done"))      \(batch)\(later.map { "; \($0) has run since" } ?? "")\n"
            text += style.next(
                later == nil
                    ? "continue it, or undo it: \(command: "resume --id \(batch)"); \(command: "rollback --id \(batch)")"
                    : "undo it: \(command: "rollback --id \(batch)")")
        }
        for plan in waiting {
            let what = plan.status == .proposed ? "waits for approval" : "is approved, but not applied"
            text += "\(style.caution("waiting"))        \(plan.id) of \(Printable.text(plan.job)) \(what)\n"
        }
        for words in switches { text += "\(style.caution("held back"))      \(Printable.text(words))\n" }
        for incident in incidents {
            text += "\(style.bad("critical"))       \(incident.name)  \(Printable.text(incident.title))\n"
        }
        if let incident = incidents.first {
            text += style.next("see it: \(command: "incident show \(incident.name)")")
        }
        for repair in repairs {
            let tenants = repair.frozen.filter { !$0.isEmpty }.map(Printable.text)
            let what =
                repair.haltedSince.map { "is halted since \($0.seconds)" }
                ?? "is frozen" + (tenants.isEmpty ? "" : " for \(tenants.joined(separator: ", "))")
            text += "\(style.bad("no repair"))      \(repair.job.id) \(what)\n"
            text += style.next("when the cause is gone: \(command: "heal thaw \(repair.job.id) --reason TEXT")")
        }
        if pendingPoints > 0 {
            text += "\(style.caution("not written"))    \(Figures.count(pendingPoints, "restore point"))\n"
        }
        for size in sizes {
            let label = size.name == "reports and logs" ? "reports, logs" : size.name
            let name = label + String(repeating: " ", count: max(1, 16 - label.count))
            text += "\(name)\(Figures.bytes(Int(size.bytes)))\(size.kept.map { "  kept: \($0)" } ?? "")\n"
        }
        if let point = oldestUnproven {
            text += "not proven      \(Printable.text(point.name)), since \(point.createdAt)\n"
            text += style.next("check that every point can be restored: \(command: "drill")")
        }
        return text
    }
}
