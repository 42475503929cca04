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
        if let rollback { text += style.next("take it back: \(command: "rollback --id \(rollback)")") }
        return text
    }
}

extension RollbackReport {
    private var recordUsed: String {
        source == RollbackSource.log.rawValue ? source : RollbackSource(rawValue: source)?.record ?? source
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
        let words = checks.map { $0.1 ? style.good("\($0.0) ok") : style.bad("\($0.0) WRONG") }
        return "certificate    \(words.joined(separator: ", "))\n"
    }
}
