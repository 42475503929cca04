public import BatchCore

extension SwitchReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = "\(Printable.text(state.name.description)) is \(style.strong(state.value.rawValue))"
        text += old == state.value ? " still" : ", and was \(old.rawValue)"
        text += state.expiresAt.map { ", until \($0.iso8601)\n" } ?? "\n"
        for database in behind {
            text +=
                "\(style.caution("note:")) \(Printable.text(database.database)) hears of it with its next batch: \(Printable.text(database.reason))\n"
        }
        return text
    }
}

extension SwitchListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !entries.isEmpty else {
            return isHistory ? "nothing was ever switched\n" : "nothing is held back: every switch is as it comes\n"
        }
        var table = TextTable(
            [("SWITCH", .left), (isHistory ? "CHANGE" : "VALUE", .left), ("BY", .left), ("SET", .left)]
                + [("UNTIL", .left), ("REASON", .left)])
        for entry in entries {
            let state = entry.state
            let value = entry.holds ? style.caution(state.value.rawValue) : state.value.rawValue
            table.append([
                Printable.text(state.name.description), (entry.old.map { "\($0.rawValue) → " } ?? "") + value,
                Printable.text(state.actor), state.setAt.iso8601, state.expiresAt?.iso8601 ?? "-",
                Printable.text(state.reason),
            ])
        }
        return table.text(style)
    }
}
