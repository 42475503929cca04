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
            let who = conflict.batch.map { "by \($0)" } ?? "outside any batch"
            text += "  \(style.bad("!")) \(Printable.text(conflict.table)) \(Printable.key(conflict.key)): "
            text += "\(conflict.reason) \(who)\(conflict.resolution.map { ", \($0.rawValue)" } ?? "")\n"
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
