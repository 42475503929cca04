internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// The report of a rollback for people, with the certificate, in Markdown.
struct RollbackPaper {
    let session: Session
    let records: UndoRecords

    /// - Returns: the path.
    func write(
        _ plan: RollbackPlan, _ batch: BatchRecord, _ outcome: Undo.Outcome, _ certificate: Certificate,
        _ point: PointRecord, _ left: [String]
    ) throws(BatchError) -> String {
        let folder = session.backups + "/reports"
        try Folder.create(folder)
        let path = "\(folder)/rollback_\(plan.batch.batch)_\(session.context.now().compact).md"
        let text = page(plan, batch, outcome, certificate, point, left)
        try Folder.write(Array(text.utf8), to: path)
        return path
    }

    private func page(
        _ plan: RollbackPlan, _ batch: BatchRecord, _ outcome: Undo.Outcome, _ certificate: Certificate,
        _ point: PointRecord, _ left: [String]
    ) -> String {
        var lines = [
            "# Rollback of \(plan.batch.batch)", "",
            "\(batch.batch), by \(batch.actor), finished \(session.context.now().iso8601). Database: `\(session.path)`.",
            "",
            "Undone, in this order: \(plan.order.map { "`\($0.batch)`" }.joined(separator: ", ")).",
            "Rows: \(batch.rows.inserted) inserted, \(batch.rows.updated) updated, \(batch.rows.deleted) deleted.", "",
            "## Certificate", "", "| check | result |", "|---|---|",
            "| digests of all touched tables are the expected ones | \(certificate.digestsMatch ? "yes" : "NO") |",
            "| verify queries of the jobs hold | \(certificate.verifyPassed ? "yes" : "NO") |",
            "| no new foreign key violation | \(certificate.foreignKeysOK ? "yes" : "NO") |",
            "| record used | \(records.source.record) |", "",
        ]
        lines += records.warnings.map { "- \($0)" } + [""]
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
        if !left.isEmpty { lines += ["## NOT taken back", ""] + left.map { "- \($0)" } + [""] }
        lines += [
            "## Restore point", "", "- `.bak`: `\(point.bak ?? "-")`", "- commit: `\(point.commit ?? "-")`", "",
            "Undo this rollback: `batchmgr rollback --id \(batch.batch)`", "",
        ]
        return lines.joined(separator: "\n")
    }
}
