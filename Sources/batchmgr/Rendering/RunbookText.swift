public import BatchCore

extension RunbookReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !runbooks.isEmpty else { return "no runbooks: write them into catalog/runbooks\n" }
        guard isRun else {
            if runbooks.count > 1 {
                var table = TextTable([("RUNBOOK", .left), ("STEPS", .right), ("TITLE", .left)])
                for runbook in runbooks {
                    table.append([runbook.id, String(runbook.steps.count), Printable.text(runbook.title)])
                }
                return table.text(style)
            }
            return runbooks.map { runbook in
                "\(style.strong(runbook.id))  \(Printable.text(runbook.title))\n"
                    + runbook.steps.map { "  \($0.level)  \($0.id)  \(Printable.text($0.text))\n" }.joined()
            }.joined()
        }
        var text = ""
        for step in steps {
            let detail = step.detail.map { ": \(Printable.text($0))" } ?? ""
            text += "\(step.outcome?.rawValue ?? "")  \(step.step.id)  \(Printable.text(step.step.text))\(detail)\n"
        }
        for check in checklist {
            let mark = check.isOK ? style.good("ok  ") : style.bad("FAIL")
            text += "\(mark)  \(check.name)  \(Printable.text(check.detail))\n"
        }
        if steps.contains(where: { $0.outcome == .waiting }), let runbook = runbooks.first {
            text += style.hint("do what waits for a yes too: \(command: "runbook run \(runbook.id) --yes")") + "\n"
        }
        return text
    }
}
