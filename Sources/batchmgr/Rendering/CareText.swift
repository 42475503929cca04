public import BatchCore

extension PruneReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = ""
        for point in points {
            let verdict = point.reasons.isEmpty ? style.caution("remove") : style.good("keep  ")
            let why = point.reasons.isEmpty ? "" : "  " + Printable.text(point.reasons.joined(separator: "; "))
            text += "\(verdict)  \(Printable.text(point.name))  \(Printable.text(point.bak))\(why)\n"
        }
        let words = isDryRun ? "would be removed" : "removed"
        if !undoLogs.isEmpty {
            let logs = undoLogs.count == 1 ? "the undo log of 1 batch" : "the undo logs of \(undoLogs.count) batches"
            text += "\(logs) \(words), \(freedInDatabase) bytes: what they did is undone from git\n"
        }
        if !reports.isEmpty { text += "\(Figures.count(reports.count, "report")) \(words)\n" }
        if let note { text += Printable.text(note) + "\n" }
        return text + "\(Figures.count(removed.count, "file")) \(words), \(freedBytes) bytes; every commit stays\n"
    }
}

extension CompactReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let what = "\(Figures.count(packs.before, "pack")) of \(bytes.before) bytes"
        let now = "\(Figures.count(packs.after, "pack")) of \(bytes.after) bytes"
        return "\(what) → \(now), \(Figures.count(objects, "object")), \(Figures.duration(duration))\n"
    }
}

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

extension HomeReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = "database       \(Printable.text(database))\n"
        text += "home           \(style.strong(Printable.text(folder)))\n"
        if state != .none { text += "branch         \(branch), tags \(tags)…\n" }
        switch state {
        case .none: text += "no batch has run yet: the first one makes the folder\n"
        case .here, .lost: break
        case .moved: text += "the file has a new name or place; the next batch notes it\n"
        case .copy(let original):
            text +=
                style.caution("a copy of \(Printable.text(original))")
                + ": its next batch begins a history of its own\n"
        }
        for path in neighbours { text += "shared with    \(Printable.text(path))\n" }
        guard let fault else { return text }
        return text + "\(style.bad("error:")) \(Printable.text(fault.message))\n" + style.next(fault.hint)
    }
}
