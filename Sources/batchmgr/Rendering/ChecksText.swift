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
                text += indent + wrapped("→ " + Printable.text(check.advice.text(style.call)), indent, width) + "\n"
            }
        }
        return text + "\n" + conclusion(style) + "\n"
    }

    public func problems(_ style: Style, width: Int) -> String? {
        let bad = checks.filter { $0.outcome != .passed }
        return bad.isEmpty ? "" : ChecksReport(checks: bad).text(style, width: width)
    }

    private func wrapped(_ text: String, _ indent: String, _ width: Int) -> String {
        TextWrap.wrap(text, width: width - indent.count).joined(separator: "\n" + indent)
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
    public func text(_ style: Style, width: Int, withHint: Bool) -> String {
        var text = ""
        if let dependents { text += dependents.text(style, width: width) }
        text += ConflictText.text(conflicts, style)
        text += "\(style.bad("error:")) \(error.code.rawValue): \(ErrorReport.lines(error.message))\n"
        if withHint, !error.hint.isEmpty {
            text += "\(style.caution("hint:")) \(Printable.text(error.hint.text(style.call)))\n"
        }
        return text
    }

    /// Mistakes in a file have several lines. Those behind the first are indented, so that none can pass for a hint.
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
