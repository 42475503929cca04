public import BatchCore
public import BatchHealing

extension RepairListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !entries.isEmpty else {
            return "no repair jobs: a repair is a job of the catalog with 'finds', see docs/reliability.md\n"
        }
        var table = TextTable([
            ("REPAIR", .left), ("LEVEL", .right), ("CLASS", .left), ("STATE", .left), ("LAST", .left),
            ("DESCRIPTION", .left),
        ])
        for entry in entries {
            let state =
                !entry.isEnabled
                ? "switched off"
                : entry.haltedSince.map { "halted since \($0.seconds)" } ?? (entry.frozen.isEmpty ? "ready" : "frozen")
            table.append([
                entry.job.id, String(entry.job.level), entry.job.repair?.faults.rawValue ?? "", state,
                entry.lastOutcome ?? "-", Printable.text(entry.job.description),
            ])
        }
        return table.text(style)
    }
}

extension HealScanReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard total > 0 else { return "nothing is wrong: \(Figures.count(counts.count, "repair job")) checked\n" }
        var table = TextTable([
            ("REPAIR", .left), ("TENANT", .left), ("KEY", .left), ("REASON", .left), ("FOUND", .left),
            ("EXPECTED", .left),
        ])
        let shown = findings.prefix(style.limit)
        for finding in shown {
            table.append([
                finding.job, Printable.text(finding.tenant ?? "-"), Printable.value(finding.key),
                Printable.text(finding.reason), Printable.value(finding.found), Printable.value(finding.expected),
            ])
        }
        var text = table.text(style)
        if total > shown.count {
            text += style.faint("… and \(Figures.grouped(total - shown.count)) more: add --all") + "\n"
        }
        text += "\n"
        for count in counts where count.count > 0 {
            let next: Hint =
                count.isFlagOnly
                ? "correct it by a plan: \(command: "run --id NAME --sql SQL --propose")"
                : "try it: \(command: "heal run \(count.job) --dry-run")"
            text += "\(Figures.count(count.count, "finding"))  \(count.job)  " + style.hint(next) + "\n"
        }
        return text
    }
}

extension HealRunReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !executions.isEmpty else { return "\(job): nothing is wrong, so nothing was done\n" }
        var text = ""
        // So many rows of all tenants.
        var rest = style
        for execution in executions {
            let whose = execution.tenant.map { " for \(Printable.text($0))" } ?? ""
            if let preview = execution.run?.preview, rest.limit > 0 {
                text += preview.excerpt(rest, all: "run it again with --all") + "\n"
                rest.limit -= min(rest.limit, preview.changes.count)
            }
            text += "\(style.strong(job))\(whose)  \(execution.words(style))\n"
        }
        switch mode {
        case .dryRun:
            if executions.contains(where: { $0.outcome == .discarded }) {
                text += style.hint("do it: \(command: "heal run \(job) --apply")") + "\n"
            }
        case .propose:
            text += "\(Figures.count(before, "finding"))\n"
        case .apply:
            let left = after ?? before
            text += "\(Figures.count(before, "finding")) before, \(left) after\n"
            if let batch = executions.lazy.compactMap(\.run).last?.batch {
                text += style.hint("undo one: \(command: "rollback --id \(batch)")") + "\n"
            }
        }
        return text
    }
}

extension HealRunReport.Execution {
    fileprivate func words(_ style: Style) -> String {
        let rows = run.map { Figures.count($0.rows.total, "row") } ?? "no rows"
        switch outcome {
        case .healed: return style.good("healed") + "  \(run?.batch.description ?? ""), \(rows)"
        case .partial:
            return style.caution("partly healed")
                + "  \(run?.batch.description ?? ""), \(rows); \(Figures.count(after ?? 0, "finding")) left"
        case .failed:
            let why = error.map { "\($0.code.rawValue): \(Printable.text($0.message))" } ?? "nothing improved"
            return style.bad("failed") + "  \(why)" + (error.map { "\n  " + style.hint($0.hint) } ?? "")
        case .planned:
            let plan = plan.map { "\($0.id)" } ?? ""
            return style.caution("planned") + "  \(plan) waits for approval: "
                + style.hint("\(command: "plan show --id \(plan)")")
        case .discarded:
            let half = continued.map { "; it would continue \($0), which is half done" } ?? ""
            return "would change \(rows), for \(Figures.count(before, "finding"))\(half)"
        case .halted:
            return style.bad("halted") + "  it fails for too many: " + style.hint("\(command: "incident list")")
        case .skipped, .stopped:
            let why = error.map { "  \($0.code.rawValue): \(Printable.text($0.message))" } ?? ""
            return style.caution(outcome.rawValue) + why + (error.map { "\n  " + style.hint($0.hint) } ?? "")
        case .frozen:
            return style.bad("frozen") + "  it failed too often: "
                + style.hint("\(command: "heal list")")
        }
    }
}

extension HealHistoryReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !rows.isEmpty else { return "no repair job has run on this database\n" }
        var table = TextTable([
            ("AT", .left), ("REPAIR", .left), ("MODE", .left), ("OUTCOME", .left), ("TENANT", .left), ("BATCH", .left),
            ("ACTOR", .left),
        ])
        for row in rows.suffix(style.limit) {
            table.append([
                row.entry.at, Printable.text(HealHistoryReport.detail("job", of: row) ?? ""),
                HealHistoryReport.detail("mode", of: row) ?? "", row.entry.outcome,
                Printable.text(row.entry.tenant ?? "-"), Printable.text(row.entry.batch ?? "-"),
                Printable.text(row.entry.actor),
            ])
        }
        return table.text(style)
    }
}

extension HealThawReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let names = thawed.filter { !$0.isEmpty }.map(Printable.text)
        if isHaltLifted, names.isEmpty { return "\(job) is no longer halted\n" }
        return "\(job) may run again" + (names.isEmpty ? "" : " for \(names.joined(separator: ", "))")
            + (isHaltLifted ? ", and is no longer halted" : "") + "\n"
    }
}

extension ContractReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !entries.isEmpty else { return "no contracts: write them into catalog/contracts.yaml\n" }
        let isCheck = entries.contains { $0.status != nil }
        guard isCheck else {
            var table = TextTable([
                ("CONTRACT", .left), ("CLASS", .left), ("SEVERITY", .left), ("WHEN", .left), ("DESCRIPTION", .left),
            ])
            for entry in entries {
                let contract = entry.contract
                table.append([
                    contract.id, contract.faults.rawValue, contract.severity.rawValue, contract.occasion.rawValue,
                    Printable.text(contract.description),
                ])
            }
            return table.text(style)
        }
        let text = entries.map { $0.text(style) }.joined()
        // Nobody shall take it for more than it is.
        guard entries.contains(where: { $0.keys != nil }) else { return text }
        return text + style.hint("older violations are not shown; to check all rows: \(command: "contract check")")
            + "\n"
    }
}

extension ContractEnforcementReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let lines = outcomes.map { outcome in
            let word = outcome.isDone ? style.good("done") : style.caution("left")
            return "\(word)  \(outcome.contract)  \(outcome.consequence.rawValue): \(Printable.text(outcome.detail))\n"
        }
        return contracts.text(style, width: width) + lines.joined()
    }
}

extension ContractReport.Entry {
    /// The first rows are shown of what does not hold.
    private static let shown = 5

    fileprivate func text(_ style: Style) -> String {
        let word =
            switch status {
            case .ok: style.good("ok  ")
            case .warn: style.caution("WARN")
            case .fail: style.bad("FAIL")
            case nil: "    "
            }
        var text = "\(word)  \(contract.id)  "
        if let error { return text + Printable.text(error.message) + "\n" }
        guard violations > 0 else {
            let scope = keys.map { ", checked for \(Figures.count($0, "changed key"))" } ?? ""
            return text + Printable.text(contract.description) + scope + "\n"
        }
        text += Figures.count(violations, "row") + (violations == 1 ? " breaks it" : " break it")
        if let batch { text += ", last set by \(Printable.text(batch))" }
        text += "\n"
        for (place, row) in rows.prefix(style.limit == .max ? rows.count : ContractReport.Entry.shown).enumerated() {
            let batch = rowBatches.indices.contains(place) ? rowBatches[place] : nil
            text +=
                "      "
                + zip(columns, row).map { "\(Printable.text($0)) \(Printable.value($1))" }.joined(separator: ", ")
                + (batch.map { ", set by \(Printable.text($0))" } ?? "") + "\n"
        }
        let left = violations - min(rows.count, style.limit == .max ? rows.count : ContractReport.Entry.shown)
        if left > 0 { text += style.faint("      … and \(Figures.grouped(left)) more: add --all") + "\n" }
        return text
    }
}

extension RunbookReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !runbooks.isEmpty else { return "no runbooks: write them into catalog/runbooks\n" }
        guard isRun else {
            if runbooks.count > 1 {
                var table = TextTable([("RUNBOOK", .left), ("STEPS", .right), ("TITLE", .left)])
                for runbook in runbooks {
                    table.append([runbook.id, String(runbook.steps.count), Printable.text(runbook.title)])
                }
                return table.text(style)
            }
            return runbooks.map { runbook in
                "\(style.strong(runbook.id))  \(Printable.text(runbook.title))\n"
                    + runbook.steps.map { "  \($0.level)  \($0.id)  \(Printable.text($0.text))\n" }.joined()
            }.joined()
        }
        var text = ""
        for step in steps {
            let detail = step.detail.map { ": \(Printable.text($0))" } ?? ""
            text += "\(step.outcome?.rawValue ?? "")  \(step.step.id)  \(Printable.text(step.step.text))\(detail)\n"
            if step.outcome == .waiting, let command = step.step.command {
                text += "  " + style.hint("type: \(command: command)") + "\n"
            }
        }
        for check in checklist {
            let mark = check.isOK ? style.good("ok  ") : style.bad("FAIL")
            text += "\(mark)  \(check.name)  \(Printable.text(check.detail))\n"
        }
        if steps.contains(where: { $0.outcome == .waiting }), let runbook = runbooks.first {
            text +=
                style.hint(
                    "also do the steps that wait for confirmation: \(command: "runbook run \(runbook.id) --yes")")
                + "\n"
        }
        return text
    }
}
