public import BatchCore

extension RollbackReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = ConflictText.text(conflicts, style)
        let done = isDryRun ? "would be undone" : status == .rolledBack ? "undone" : "undone in part"
        text += "\(style.strong(batch.description))  \(done) from the \(recordUsed)  \(rows.words)"
        text += ", \(Figures.duration(duration))\n"
        if order.count > 1 { text += "in this order  \(order.map(\.description).joined(separator: ", "))\n" }
        for batch in replayed {
            let name = batch.replacement.map { "as \($0)" } ?? "would run again"
            text += "run again      \(batch.batch) \(name)\n"
        }
        text += readersText
        text += certificate.text(style)
        if let restorePoint { text += restorePoint.line }
        if let plan { text += "plan           \(Printable.text(plan))\n" }
        if let log { text += "log            \(Printable.text(log))\n" }
        if let report { text += "report         \(Printable.text(report))\n" }
        if let signed { text += "signed         \(Printable.text(signed))\n" }
        text += WarningText.text(warnings, style)
        if let plan { text += style.next("do it: \(command: "rollback --plan \(plan)")") }
        if let rollback { text += style.next("undo this rollback: \(command: "rollback --id \(rollback)")") }
        return text
    }
}

extension RollbackReport {
    private var recordUsed: String {
        source == RollbackRequest.Source.log.rawValue
            ? source : RollbackRequest.Source(rawValue: source)?.record ?? source
    }

    /// Who read what was undone and stays.
    private var readersText: String {
        let undone = Set(order)
        var text = ""
        for reader in dependents where !undone.contains(reader.batch) {
            guard let edge = reader.edges.first, edge.kind == .read else { continue }
            text += "stays          \(reader.batch), which \(Printable.text(edge.evidence)) of \(edge.on)\n"
        }
        for reader in exempt {
            text += "stays          \(reader.batch): \(Printable.text(reader.edges.first?.evidence ?? ""))\n"
        }
        return text
    }
}

extension Certificate {
    fileprivate func text(_ style: Style) -> String {
        let checks = [
            ("digests", digestsMatch), ("verify queries", verifyPassed), ("foreign keys", foreignKeysOK),
        ]
        let unchecked = uncheckedForeignKeys.map(Printable.text).joined(separator: ", ")
        let words = checks.map {
            $0.1
                ? style.good("\($0.0) ok")
                : style.bad(
                    "\($0.0) "
                        + ($0.0 == "foreign keys" && !unchecked.isEmpty ? "of \(unchecked) not checked" : "WRONG"))
        }
        return "certificate    \(words.joined(separator: ", "))\n"
    }
}

/// Rows that stand in the way of a rollback.
public enum ConflictText {
    /// Nothing for no conflicts; the first hundred in full.
    public static func text(_ conflicts: [Conflict], _ style: Style) -> String {
        guard !conflicts.isEmpty else { return "" }
        let isRefused = conflicts.contains { $0.resolution == nil }
        let rows = Figures.count(conflicts.count, "row")
        var text = isRefused ? "\(rows) cannot be undone:\n" : "\(rows) changed since:\n"
        for conflict in conflicts.prefix(shown) {
            text += "  \(style.bad("!")) \(Printable.text(conflict.table)) \(Printable.key(conflict.key)): "
            text += "\(conflict.cause(\.description))\(conflict.resolution.map { ", \($0.rawValue)" } ?? "")\n"
            text += "      expected \(document(conflict.expected))\n      found    \(document(conflict.found))\n"
        }
        if conflicts.count > shown {
            text += "  and \(Figures.grouped(conflicts.count - shown)) more; all of them: --json\n"
        }
        return text
    }

    private static let shown = 100

    private static func document(_ value: JSONValue) -> String {
        let text = Printable.text(JSONWriter.text(value))
        return text.count > 200 ? text.prefix(199) + "…" : text
    }
}

extension RunReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        if isRepeated { return "\(batch) has already run with this key; nothing was done\n" }
        var text = results.map { $0.text(style) + "\n" }.joined()
        text += preview.map { $0.excerpt(style, all: "run it again with --all") + "\n" } ?? ""
        let state = preview == nil ? status.colored(style) : style.caution("dry run, discarded")
        text += "\(style.strong(batch.description))  \(state)  \(rows.words(changed: changedRows))"
        text += preview == nil ? "  in \(Figures.count(checkpoints, "checkpoint")), " : ", "
        text += Figures.duration(duration) + "\n"
        if hasSchemaChange {
            let look = HintCommand("diff --id \(batch)").text(style.call)
            text += "\(style.caution("schema"))         changed too; see how: \(look)\n"
        }
        if let restorePoint { text += restorePoint.line }
        if let rehearsal { text += "rehearsal      \(Printable.text(rehearsal))\n" }
        if let checklist { text += "checklist      \(Printable.text(checklist))\n" }
        if let isolation { text += "isolation      \(Printable.text(isolation.words))\n" }
        if let removed { text += "removed        \(removed.words), by keep: (docs/care.md)\n" }
        text += WarningText.text(warnings, style)
        if preview == nil, status == .committed {
            text += style.next("undo it: \(command: "rollback --id \(batch)")")
        }
        if status == .stopped || status == .failed {
            text += style.next("continue it: \(command: "resume --id \(batch)")")
        }
        return text
    }
}

extension RunReport {
    public func problems(_ style: Style, width: Int) -> String? {
        status == .committed || isRepeated ? WarningText.text(warnings, style) : nil
    }
}

extension QueryRows {
    fileprivate func text(_ style: Style) -> String {
        var table = TextTable(columns.map { (Printable.text($0), .left) })
        for row in rows { table.append(row.map { Printable.value($0) }) }
        return table.text(style) + (more > 0 ? "… and \(Figures.grouped(more)) more\n" : "")
    }
}

extension RestorePointSummary {
    /// `restore point  full b.bak, commit 1a2b3c4d5e`
    var line: String {
        let copies = [bak.map { "\(bakKind?.rawValue ?? "") \($0)" }, commit.map { "commit \($0.prefix(10))" }]
        let known = copies.compactMap { $0 }.joined(separator: ", ")
        return "restore point  \(status == .complete ? "" : status.rawValue + "  ")\(Printable.text(known))\n"
    }
}

extension BatchStatus {
    func colored(_ style: Style) -> String {
        switch self {
        case .committed: style.good(rawValue)
        case .running, .stopped, .partiallyRolledBack: style.caution(rawValue)
        case .failed: style.bad(rawValue)
        case .rolledBack: style.faint(rawValue)
        }
    }
}

enum WarningText {
    static func text(_ warnings: [Warning], _ style: Style) -> String {
        warnings.map { "\(style.caution("warning:")) \(Printable.text($0.text(style.call)))\n" }.joined()
    }
}
