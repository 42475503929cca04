public import BatchCore

extension DriftReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard isDrifted else { return "nothing was changed outside a batch\n" }
        var text = changes.isEmpty ? "" : changes.excerpt(style, all: "run it again with --all")
        for name in unlisted {
            text += "\(style.caution("~ "))\(Printable.text(name)): its content (rows are not listed)\n"
        }
        if hasSchemaChange, changes.schema.isEmpty { text += "\(style.caution("the schema was changed too"))\n" }
        if isDryRun {
            let what = style.caution("dry run, nothing was changed")
            return text + "\n\(what): drift undo would change \(changes.total.words)\n"
        }
        let keep = hasSchemaChange ? "" : style.next("make it a batch: \(command: "drift adopt")")
        return text + "\n" + keep + style.next("undo it: \(command: "drift undo")")
    }
}

extension GuardReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = "guard          \(style.strong(mode.rawValue))"
        if let declared, declared != mode {
            text += " (batchmgr.yaml says \(declared.rawValue); the next batch follows it)"
        }
        text += "\n"
        if mode == .off {
            return text + style.next("note or abort writes that no batch makes: \(command: "guard set --mode track")")
        }
        text += "tables         \(Figures.count(tables.count, "table"))"
        text +=
            isIntact
            ? ", all with their triggers\n"
            : ", \(style.caution("not all with their triggers")): the next batch puts them back\n"
        if !unguarded.isEmpty {
            text +=
                "not guarded    \(unguarded.map { Printable.text($0) }.joined(separator: ", ")) (virtual tables cannot be)\n"
        }
        if isForcedOpen {
            text +=
                "\(style.bad("warning:")) somebody put a row into batchmgr_gate, so nothing is guarded until the next batch\n"
        }
        for note in noted {
            let rows = note.rows.map { Figures.count($0, "row") } ?? "any row"
            text += "noted          \(Printable.text(note.table)): \(rows)\n"
        }
        if !noted.isEmpty { text += style.next("see them: \(command: "drift show")") }
        return text
    }
}
