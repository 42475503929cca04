internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// `rollback_<batchID>_<ts>.log`: each decision and action of one rollback as a line of JSON, on disk before the next.
final class RollbackJournal {
    /// Nil for a dry run, which leaves no file.
    let path: String?
    private let file: File?
    private let context: Context
    private let batch: Log.Batch

    init(session: Session, batch record: BatchRecord, isKept: Bool = true) throws(BatchError) {
        context = session.context
        let batch = record.batch
        self.batch = Log.Batch(record, in: session)
        guard isKept else {
            path = nil
            file = nil
            return
        }
        try Folder.create(session.backups)
        let path = "\(session.backups)/rollback_\(batch)_\(context.now().compact).log"
        self.path = path
        // A person who ends the rollback before it is done needs none of it.
        UnfinishedFiles.add(path)
        file = try File(appendingTo: path)
        try Folder.sync(session.backups)
    }

    /// There is something to tell from now on: what was done, or why not.
    func keep() { if let path { UnfinishedFiles.forget(path) } }

    /// Nothing was done.
    func discard() { if let path { Folder.remove(path) } }

    /// A line that cannot be written does not stop a rollback: the ledger has the record that counts.
    func write(_ event: String, _ details: JSONValue = [:]) {
        let isBad = event == "refused"
        context.log.write(
            isBad ? .warn : .info, "rollback.\(event)", "rollback of \(batch.name): \(event)", module: .rollback,
            batch: batch)
        guard let path else { return }
        let line: JSONValue = .object(
            [.init("at", .string(context.now().iso8601)), .init("event", .string(event))] + (details.members ?? []))
        do throws(BatchError) {
            try file?.write(Array((JSONWriter.text(line) + "\n").utf8))
            try file?.sync()
        } catch {
            context.log.write(
                .warn, "rollback.log", "a line could not be written to \(path): \(error.logMessage)", module: .rollback,
                batch: batch)
        }
    }
}

/// The report of a rollback for people, with the certificate, in Markdown.
struct RollbackDocument {
    let session: Session
    let records: UndoRecords

    /// - Returns: the path.
    func write(
        _ scope: RollbackScope, _ batch: BatchRecord, _ outcome: Undo.Outcome, _ point: PointRecord,
        _ done: RollbackResult
    ) throws(BatchError) -> String {
        let folder = session.backups + "/reports"
        try Folder.create(folder)
        let path = "\(folder)/rollback_\(scope.batch.batch)_\(session.context.now().compact).md"
        let text = page(scope, batch, outcome, point, done)
        try DurableFile.write(Array(text.utf8), to: path)
        return path
    }

    private func page(
        _ scope: RollbackScope, _ batch: BatchRecord, _ outcome: Undo.Outcome, _ point: PointRecord,
        _ done: RollbackResult
    ) -> String {
        var lines = [
            "# Rollback of \(scope.batch.batch)", "",
            "\(batch.batch), by \(batch.actor), finished \(session.context.now().iso8601). Database: `\(session.path)`.",
            "",
            "Undone, in this order: \(scope.order.map { "`\($0.batch)`" }.joined(separator: ", ")).",
            "Rows: \(batch.rows.inserted) inserted, \(batch.rows.updated) updated, \(batch.rows.deleted) deleted.", "",
            "## Certificate", "", "| check | result |", "|---|---|",
            "| digests of all touched tables are the expected ones | \(done.certificate.digestsMatch ? "yes" : "NO") |",
            "| verify queries of the jobs that stay are true | \(done.certificate.verifyPassed ? "yes" : "NO") |",
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
                "| \(check.table) | `\(check.expected.digest)` \(Counted.text(check.expected.rows, "row")) | `\(check.found.digest)` \(Counted.text(check.found.rows, "row"))\(note) |"
            )
        }
        lines += ["", "State digest before: `\(batch.digestBefore?.description ?? "-")`", ""]
        if !scope.dependents.isEmpty {
            lines += ["## Dependents", ""]
            for dependent in scope.reports {
                let edge = dependent.edges.first
                lines.append("- `\(dependent.batch)` on `\(edge?.on.description ?? "")`: \(edge?.evidence ?? "")")
            }
            lines.append("")
        }
        if !scope.exempt.isEmpty {
            lines += ["## Readers that are the same without it", ""]
            lines += scope.summaries(scope.exempt).map { "- `\($0.batch)`: \($0.edges.first?.evidence ?? "")" } + [""]
        }
        lines += replayLines(done) + conflictLines(done)
        if !done.failing.isEmpty {
            lines += ["## Verify queries that are not true", ""] + done.failing.map { "- \($0.words)" } + [""]
        }
        if !done.revived.isEmpty { lines += ["## NOT done again", ""] + done.revived.map { "- \($0)" } + [""] }
        if !done.left.isEmpty { lines += ["## NOT undone", ""] + done.left.map { "- \($0)" } + [""] }
        lines += [
            "## Restore point", "", "- `.bak`: `\(point.bak ?? "-")`", "- commit: `\(point.commit ?? "-")`", "",
            "Undo this rollback: `\(HintCommand("rollback --id \(batch.batch)").text())`", "",
        ]
        return lines.joined(separator: "\n")
    }

    private func replayLines(_ done: RollbackResult) -> [String] {
        guard !done.replayed.isEmpty else { return [] }
        let lines = done.replayed.map { "- `\($0.original.batch)` as `\($0.batch.batch)`" }
        return ["## Run again", ""] + lines + [""]
    }

    private func conflictLines(_ done: RollbackResult) -> [String] {
        guard !done.conflicts.isEmpty else { return [] }
        let lines = done.conflicts.map { conflict in
            let row = JSONWriter.text(conflict.key.json)
            return
                "- \(conflict.resolution?.rawValue ?? ""): `\(conflict.table)` \(row), \(conflict.cause { "`\($0)`" }): "
                + "`\(JSONWriter.text(conflict.found))`"
        }
        return ["## Rows that others changed", ""] + lines + [""]
    }
}

/// Writes the signed certificate of a rollback.
struct CertificateWriter {
    let session: Session
    let records: UndoRecords

    /// The rollback is committed already: what goes wrong here is told, and no more.
    /// - Returns: the path.
    func write(
        _ scope: RollbackScope, _ batch: BatchRecord, _ outcome: Undo.Outcome, _ certificate: Certificate,
        _ point: PointRecord, _ notes: inout [String]
    ) -> String? {
        do throws(BatchError) {
            let folder = session.backups + "/reports"
            try Folder.create(folder)
            let path = "\(folder)/certificate_\(scope.batch.batch)_\(session.context.now().compact).json"
            let body = try body(scope, batch, outcome, certificate, point)
            let signed = try SignedCertificate(signing: body, with: try SigningKey(folder: session.backups))
            try DurableFile.write(Array(signed.text.utf8), to: path)
            return path
        } catch {
            notes.append("the certificate could not be signed: \(error.message)")
            return nil
        }
    }

    private func body(
        _ scope: RollbackScope, _ batch: BatchRecord, _ outcome: Undo.Outcome, _ certificate: Certificate,
        _ point: PointRecord
    ) throws(BatchError) -> JSONValue {
        let ledger = session.ledger
        let checkpoint = try ledger.checkpoints(of: batch.seq).last?.id ?? 0
        let record = try ledger.batch(seq: batch.seq) ?? batch
        return [
            "format": .string(SignedCertificate.format), "database_id": .init(try ledger.meta("database_id")),
            "database": .string(session.path), "batch": .string(scope.batch.batch.description),
            "rollback": .string(batch.batch.description), "checkpoint": .integer(checkpoint),
            "mode": .string(scope.request.mode.rawValue), "source": .string(records.source.rawValue),
            "records_not_used": .array(records.warnings.map { .string($0.text) }),
            "order": .array(scope.order.map { .string($0.batch.description) }),
            "undone_checkpoints": .array(scope.checkpoints.map { .integer($0.checkpoint.id) }),
            "actor": .string(batch.actor), "trace_id": .string(batch.traceID), "finished_at": .init(record.finishedAt),
            "state_before": .init(record.digestBefore?.description),
            "state_after": .init(record.digestAfter?.description),
            "tables": .array(outcome.digests.map(CertificateWriter.table)),
            "digests_match": .bool(certificate.digestsMatch), "verify_passed": .bool(certificate.verifyPassed),
            "foreign_keys_ok": .bool(certificate.foreignKeysOK),
            "restore_point": [
                "bak": .init(point.bak), "sha256": .init(point.bakSHA256), "commit": .init(point.commit),
            ],
        ]
    }

    private static func table(_ check: Undo.DigestCheck) -> JSONValue {
        [
            "name": .string(check.table), "expected": .string(check.expected.digest.description),
            "expected_rows": .integer(check.expected.rows), "found": .string(check.found.digest.description),
            "found_rows": .integer(check.found.rows), "exempt": .bool(check.isExempt),
        ]
    }
}
