public import BatchCore

extension RunReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        if isRepeated { return "\(batch) has already run with this key; nothing was done\n" }
        var text = results.map { $0.text(style) + "\n" }.joined()
        text += preview.map { $0.excerpt(style, all: "type it again with --all") + "\n" } ?? ""
        let state = preview == nil ? status.colored(style) : style.caution("dry run, discarded")
        text += "\(style.strong(batch.description))  \(state)  \(rows.words)"
        text += preview == nil ? "  in \(Figures.count(checkpoints, "checkpoint")), " : ", "
        text += Figures.duration(duration) + "\n"
        if hasSchemaChange {
            let look = HintCommand("diff --id \(batch)").text(style.call)
            text += "\(style.caution("schema"))         changed too; see how: \(look)\n"
        }
        if let restorePoint { text += restorePoint.line }
        if let rehearsal { text += "rehearsal      \(Printable.text(rehearsal))\n" }
        if let checklist { text += "checklist      \(Printable.text(checklist))\n" }
        if let removed { text += "removed        \(removed.words), by keep: (docs/care.md)\n" }
        text += WarningText.text(warnings, style)
        if preview == nil, status == .committed {
            text += style.next("undo it: \(command: "rollback --id \(batch)")")
        }
        if status == .stopped || status == .failed {
            text += style.next("go on with: \(command: "resume --id \(batch)")")
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
