internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// The report of a rollback for people, with the certificate, in Markdown.
struct RollbackPaper {
    let session: Session
    let records: UndoRecords

    /// - Returns: the path.
    func write(
        _ plan: RollbackPlan, _ batch: BatchRecord, _ outcome: Undo.Outcome, _ point: PointRecord,
        _ done: RollbackDone
    ) throws(BatchError) -> String {
        let folder = session.backups + "/reports"
        try Folder.create(folder)
        let path = "\(folder)/rollback_\(plan.batch.batch)_\(session.context.now().compact).md"
        let text = page(plan, batch, outcome, point, done)
        try DurableFile.write(Array(text.utf8), to: path)
        return path
    }

    private func page(
        _ plan: RollbackPlan, _ batch: BatchRecord, _ outcome: Undo.Outcome, _ point: PointRecord,
        _ done: RollbackDone
    ) -> String {
        var lines = [
            "# Rollback of \(plan.batch.batch)", "",
            "\(batch.batch), by \(batch.actor), finished \(session.context.now().iso8601). Database: `\(session.path)`.",
            "",
            "Undone, in this order: \(plan.order.map { "`\($0.batch)`" }.joined(separator: ", ")).",
            "Rows: \(batch.rows.inserted) inserted, \(batch.rows.updated) updated, \(batch.rows.deleted) deleted.", "",
            "## Certificate", "", "| check | result |", "|---|---|",
            "| digests of all touched tables are the expected ones | \(done.certificate.digestsMatch ? "yes" : "NO") |",
            "| verify queries of the jobs hold | \(done.certificate.verifyPassed ? "yes" : "NO") |",
            "| no new foreign key violation | \(done.certificate.foreignKeysOK ? "yes" : "NO") |",
            "| record used | \(records.source.record) |", "",
        ]
        lines += records.warnings.map { "- \($0.text)" } + [""]
        lines += [
            "| table | expected | found |", "|---|---|---|",
        ]
        for check in outcome.digests {
            let note = check.isExempt && check.expected != check.found ? " (index or counter, not compared)" : ""
            lines.append(
                "| \(check.table) | `\(check.expected.digest)` \(check.expected.rows) rows | `\(check.found.digest)` \(check.found.rows) rows\(note) |"
            )
        }
        lines += ["", "State digest before: `\(batch.digestBefore?.description ?? "-")`", ""]
        if !plan.dependents.isEmpty {
            lines += ["## Dependents", ""]
            for dependent in plan.reports {
                let edge = dependent.edges.first
                lines.append("- `\(dependent.batch)` on `\(edge?.on.description ?? "")`: \(edge?.evidence ?? "")")
            }
            lines.append("")
        }
        if !plan.exempt.isEmpty {
            lines += ["## Readers that are the same without it", ""]
            lines += plan.summaries(plan.exempt).map { "- `\($0.batch)`: \($0.edges.first?.evidence ?? "")" } + [""]
        }
        lines += replayLines(done) + conflictLines(done)
        if !done.left.isEmpty { lines += ["## NOT taken back", ""] + done.left.map { "- \($0)" } + [""] }
        lines += [
            "## Restore point", "", "- `.bak`: `\(point.bak ?? "-")`", "- commit: `\(point.commit ?? "-")`", "",
            "Undo this rollback: `\(HintCommand("rollback --id \(batch.batch)").text())`", "",
        ]
        return lines.joined(separator: "\n")
    }

    private func replayLines(_ done: RollbackDone) -> [String] {
        guard !done.replayed.isEmpty else { return [] }
        let lines = done.replayed.map { "- `\($0.original.batch)` as `\($0.batch.batch)`" }
        return ["## Run again", ""] + lines + [""]
    }

    private func conflictLines(_ done: RollbackDone) -> [String] {
        guard !done.conflicts.isEmpty else { return [] }
        let lines = done.conflicts.map { conflict in
            let who = conflict.batch.map { "by `\($0)`" } ?? "outside any batch"
            let row = JSONWriter.text(conflict.key.json)
            return "- \(conflict.resolution?.rawValue ?? ""): `\(conflict.table)` \(row), \(conflict.reason) \(who): "
                + "`\(JSONWriter.text(conflict.found))`"
        }
        return ["## Rows that others changed", ""] + lines + [""]
    }
}
