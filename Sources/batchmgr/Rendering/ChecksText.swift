public import BatchCore

extension ChecksReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let column = (checks.map { TextTable.width($0.name) }.max() ?? 0) + 2
        let indent = String(repeating: " ", count: 6 + column)
        var text = ""
        for check in checks {
            let padding = String(repeating: " ", count: column - TextTable.width(check.name))
            text += check.outcome.mark(style) + "  " + check.name + padding
            text += wrapped(Printable.text(check.detail), indent, width) + "\n"
            if !check.advice.isEmpty {
                text += indent + wrapped("→ " + Printable.text(check.advice.text(style.call)), indent, width) + "\n"
            }
        }
        return text + "\n" + conclusion(style) + "\n"
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
