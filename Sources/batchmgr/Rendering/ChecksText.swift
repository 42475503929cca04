public import BatchCore

extension ChecksReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let column = (checks.map { TextTable.width(Printable.text($0.name)) }.max() ?? 0) + 2
        let indent = String(repeating: " ", count: 6 + column)
        var text = ""
        for check in checks {
            let name = Printable.text(check.name)
            let padding = String(repeating: " ", count: column - TextTable.width(name))
            text += check.outcome.mark(style) + "  " + name + padding
            text += wrapped(Printable.text(check.detail), indent, width) + "\n"
            if !check.advice.isEmpty {
                let advice = "→ " + Printable.text(check.advice.text(style.call))
                // A command that is broken into lines cannot be pasted.
                text += indent + (check.advice.commands.isEmpty ? wrapped(advice, indent, width) : advice) + "\n"
            }
        }
        return text + "\n" + conclusion(style) + "\n"
    }

    public func problems(_ style: Style, width: Int) -> String? {
        let bad = checks.filter { $0.outcome != .passed }
        return bad.isEmpty ? "" : ChecksReport(checks: bad).text(style, width: width)
    }

    private func wrapped(_ text: String, _ indent: String, _ width: Int) -> String {
        text.wrapped(width: width - indent.count).joined(separator: "\n" + indent)
    }

    private func conclusion(_ style: Style) -> String {
        let failed = checks.count { $0.outcome == .failed }
        let warnings = checks.count { $0.outcome == .warning }
        let suffix = warnings > 0 ? ", \(Figures.count(warnings, "warning"))" : ""
        guard failed > 0 else { return style.good("All is well") + suffix + "." }
        return style.bad("\(Figures.count(failed, "check")) failed") + suffix + "."
    }
}

extension Check.Outcome {
    fileprivate func mark(_ style: Style) -> String {
        switch self {
        case .passed: style.good("ok  ")
        case .warning: style.caution("warn")
        case .failed: style.bad("FAIL")
        }
    }
}

extension ErrorReport {
    /// `error: ERR_…: what` and `hint: the next command`, after what stands in the way.
    public func text(_ style: Style, width: Int) -> String {
        var text = ""
        if let dependents { text += dependents.text(style, width: width) }
        text += ConflictText.text(conflicts, style)
        text += "\(style.bad("error:")) \(error.code.rawValue): \(ErrorReport.lines(error.message))\n"
        if !error.hint.isEmpty {
            text += "\(style.caution("hint:")) \(Printable.text(error.hint.text(style.call)))\n"
        }
        return text
    }

    /// Mistakes in a file have several lines. Those after the first are indented, so that none can pass for a hint.
    private static func lines(_ message: String) -> String {
        message.split(separator: "\n", omittingEmptySubsequences: false).map { Printable.text(String($0)) }
            .joined(separator: "\n  ")
    }
}

/// A report that people can read.
public protocol TextReport: Report {
    /// - Parameter width: of the terminal, in columns.
    /// - Returns: whole lines, each ended.
    func text(_ style: Style, width: Int) -> String

    /// What has to be seen even by who asked for quiet; empty when all is well. Nil: the report is an answer, and shown.
    func problems(_ style: Style, width: Int) -> String?
}

extension TextReport {
    public func problems(_ style: Style, width: Int) -> String? { nil }
}

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
            "restore points \(Figures.count(commits, "commit")) and \(Figures.count(files, ".bak file")) rewritten\n"
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
