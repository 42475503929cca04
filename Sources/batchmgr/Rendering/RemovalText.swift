public import BatchCore

extension RemovalReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        if isEmpty { return "\(Printable.text(database)) holds nothing of batchmgr\n" }
        var text = ""
        func line(_ title: String, _ words: String) {
            text += "\(title.padded(to: 15))\(Printable.text(words))\n"
        }
        line("database", database)
        if !tables.isEmpty {
            line(
                "ledger",
                "\(Figures.count(tables.count, "table")), \(Figures.count(batches, "batch", plural: "batches"))")
        }
        if !triggers.isEmpty { line("guard", Figures.count(triggers.count, "trigger")) }
        if !files.isEmpty {
            line("folder", folder)
            for name in files.prefix(style.limit) { line("", name) }
            text += style.more(files.count, "remove --dry-run --all")
        }
        for reference in references { line("git reference", reference) }
        if !neighbours.isEmpty {
            line("stays", "what \(neighbours.joined(separator: ", ")) needs in this folder")
        }
        if !others.isEmpty { line("stays", "\(others.joined(separator: ", ")): not part of the ledger") }
        return text + (isDone ? "All of it is removed; your data is as it was.\n" : "")
    }
}

extension ForgetReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        if isEmpty { return "no copy is lost\n" }
        let words = isDone ? "forgotten" : "would be forgotten"
        var text = ""
        for name in files.prefix(style.limit) { text += "\(Printable.text(name))\n" }
        text += style.more(files.count, "forget-copies --dry-run --all")
        text +=
            "\(Figures.count(files.count, ".bak file")) and \(Figures.count(commits.count, "commit")) \(words); "
            + "\(Figures.count(points, "restore point")) with no copy left\n"
        for batch in stuck {
            text += style.caution("\(batch) cannot be undone any more: only git had what it changed") + "\n"
        }
        return isDone ? text + style.next("the next batch makes a restore point of the present state") : text
    }
}
