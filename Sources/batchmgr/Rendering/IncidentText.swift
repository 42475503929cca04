public import BatchCore

extension IncidentReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        if isDetail, let incident = incidents.first { return incident.text(style) }
        guard !incidents.isEmpty else { return "no incidents\n" }
        var table = TextTable([
            ("INCIDENT", .left), ("STATUS", .left), ("SEVERITY", .left), ("CLASS", .left), ("TENANT", .left),
            ("OPENED", .left), ("TITLE", .left),
        ])
        for incident in incidents.prefix(style.limit) {
            table.append([
                incident.name, incident.status.rawValue, incident.severity.rawValue, incident.faults.rawValue,
                Printable.text(incident.tenant ?? "-"), incident.openedAt.iso8601, Printable.text(incident.title),
            ])
        }
        return table.text(style)
    }
}

extension Incident {
    fileprivate func text(_ style: Style) -> String {
        var text = "\(style.strong(name))  \(severity.rawValue), \(status.rawValue)  \(Printable.text(title))\n"
        text += "opened \(openedAt.iso8601) by \(Printable.text(cause))\n"
        let reach = [("tenants", reach.tenants), ("modules", reach.modules), ("batches", reach.batches)]
        for (what, names) in reach where !names.isEmpty {
            text += "\(what): \(names.map { Printable.text($0) }.joined(separator: ", "))\n"
        }
        text += Incident.list("what happened", timeline.map { "\($0.at.iso8601)  \($0.actor)  \($0.text)" })
        text += Incident.list(
            "what had changed before", clues.map { "\($0.at.iso8601)  \($0.kind.rawValue) \($0.subject)  \($0.text)" })
        text += Incident.list(
            "what can be done",
            actions.map { "level \($0.level)  \($0.text)" + ($0.command.map { ": \($0)" } ?? "") })
        if let postmortem {
            let who = postmortem.deliveredTo.isEmpty ? "nobody yet" : postmortem.deliveredTo.joined(separator: ", ")
            text += "postmortem: \(Printable.text(postmortem.file)), delivered to \(Printable.text(who))\n"
        }
        guard status != .closed else { return text }
        let next: Hint =
            mayClose
            ? "close it: \(command: "incident close \(name) --reason TEXT")"
            : "deliver its postmortem: \(command: "incident postmortem \(name) --to FILE")"
        return text + style.hint(next) + "\n"
    }

    private static func list(_ title: String, _ lines: [String]) -> String {
        lines.isEmpty ? "" : "\(title):\n" + lines.map { "  \(Printable.text($0))\n" }.joined()
    }
}

extension IncidentFileReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = "\(incident.name): \(Printable.text(file))\n"
        for name in entries { text += "  \(Printable.text(name))\n" }
        for target in deliveredTo { text += "\(style.good("delivered")) to \(Printable.text(target))\n" }
        for target in failed { text += "\(style.bad("not delivered")) to \(Printable.text(target))\n" }
        return text
    }
}

extension DegradeReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = changes.isEmpty ? "no module changed\n" : ""
        for change in changes {
            text +=
                "\(Printable.text("\(change.name)"))  \(change.before.rawValue) → \(style.strong(change.after.rawValue))\n"
        }
        if isOn, !critical.isEmpty {
            text += "critical, and keeps working: \(critical.map { Printable.text($0) }.joined(separator: ", "))\n"
        }
        for database in behind { text += style.caution("not updated yet") + "  \(Printable.text(database.database))\n" }
        if isOn { text += style.hint("back to what it was: \(command: "degrade off --reason TEXT")") + "\n" }
        return text
    }
}
