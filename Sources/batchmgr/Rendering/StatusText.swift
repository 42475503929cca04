public import BatchCore

extension StatusReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = ""
        for batch in batches {
            text +=
                "\(style.strong(batch.batch.description))  \(batch.status.colored(style))  \(batch.startedAt.iso8601)  \(batch.rows.words)\n"
        }
        if batches.isEmpty { text += "no batch has run yet\n" }
        for batch in halfDone {
            text += "\(style.caution("half done"))      \(batch)\n"
            text += style.next(
                "go on, or undo it: \(command: "resume --id \(batch)"); \(command: "rollback --id \(batch)")")
        }
        for plan in waiting {
            let what = plan.status == .proposed ? "waits for approval" : "is approved, and not applied"
            text += "\(style.caution("waiting"))        \(plan.id) of \(Printable.text(plan.job)) \(what)\n"
        }
        for words in switches { text += "\(style.caution("held back"))      \(Printable.text(words))\n" }
        if pendingPoints > 0 {
            text += "\(style.caution("not written"))    \(Figures.count(pendingPoints, "restore point"))\n"
        }
        for size in sizes {
            let name = size.name + String(repeating: " ", count: max(1, 16 - size.name.count))
            text += "\(name)\(Figures.bytes(Int(size.bytes)))\(size.kept.map { "  kept: \($0)" } ?? "")\n"
        }
        if let point = oldestUnproven {
            text += "not proven      \(Printable.text(point.name)), since \(point.createdAt)\n"
            text += style.next("restore every point on trial: \(command: "drill")")
        }
        return text
    }
}
