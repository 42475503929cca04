public import BatchCore

extension EraseReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let name = style.strong(Printable.text(table))
        if isDryRun { return "\(name)  \(Figures.count(rows, "row")) would be erased from all records\n" }
        var text = "\(name)  \(Figures.count(rows, "row")) erased, \(Figures.duration(duration))\n"
        text += "undo log       \(entries) entries\n"
        text +=
            "restore points \(Figures.count(commits, "commit")) and \(Figures.count(files, ".bak file")) written anew\n"
        return text + WarningText.text(warnings, style)
    }
}
