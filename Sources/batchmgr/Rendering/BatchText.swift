public import BatchCore

extension BatchDetail: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text =
            "\(style.strong(summary.batch.description))  \(summary.status.colored(style))  \(summary.rows.words)\n"
        for (name, value) in facts { text += "\(name.padded(to: 13))  \(Printable.text(value))\n" }
        if let restorePoint { text += restorePoint.line }
        text += "\n" + checkpointsText(style)
        text +=
            "\ndependents\n" + DependentsReport(batch: summary.batch, dependents: dependents).text(style, width: width)
        return text
    }

    private var facts: [(String, String)] {
        var facts = [("started", summary.startedAt.iso8601)]
        if let finished = summary.finishedAt { facts.append(("finished", "\(finished.iso8601)  (\(summary.took))")) }
        if let tenant = summary.tenant { facts.append(("tenant", tenant)) }
        if let jobVersion { facts.append(("job version", jobVersion)) }
        if parameters.members?.isEmpty == false { facts.append(("parameters", JSONWriter.text(parameters))) }
        if !rollsBack.isEmpty { facts.append(("rolls back", rollsBack.map(\.description).joined(separator: ", "))) }
        if let replays = summary.replays { facts.append(("again", "\(replays), after a rollback")) }
        if let next = summary.replayedBy { facts.append(("run again", "as \(next)")) }
        if let error { facts.append(("error", error)) }
        return facts + [("trace", traceID)]
    }

    private func checkpointsText(_ style: Style) -> String {
        guard !checkpoints.isEmpty else { return "no checkpoints\n" }
        var table = TextTable(
            [("CHECKPOINT", .right), ("STEP", .left), ("CHUNK", .right), ("ROWS", .right), ("COMMITTED", .left)])
        for checkpoint in checkpoints {
            table.append([
                String(checkpoint.number), Printable.text(checkpoint.step), checkpoint.chunk.map { String($0) } ?? "-",
                Figures.grouped(checkpoint.rows.total), checkpoint.committedAt.iso8601,
            ])
        }
        return table.text(style)
    }
}

extension String {
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
