public import BatchCore

extension RestoreReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = WarningText.text(warnings, style)
        text += "\(style.strong(Printable.text(file)))  is \(Printable.text(point))"
        text += ", rebuilt from \(source == .bak ? "the .bak files" : "git") in \(Figures.duration(duration))\n"
        text += "digest         \(digest)  \(style.good("as recorded"))\n"
        if let commit { text += "commit         \(commit)\n" }
        if !staleIndexes.isEmpty {
            let names = staleIndexes.map { Printable.text($0) }.joined(separator: ", ")
            text += "\(style.caution("warning:")) REINDEX these where the application's functions are: \(names)\n"
        }
        return text
    }
}
