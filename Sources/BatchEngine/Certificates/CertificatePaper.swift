internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Writes the signed certificate of a rollback.
struct CertificatePaper {
    let session: Session
    let records: UndoRecords

    /// The rollback is committed already: what goes wrong here is told, and no more.
    /// - Returns: the path.
    func write(
        _ plan: RollbackPlan, _ batch: BatchRecord, _ outcome: Undo.Outcome, _ certificate: Certificate,
        _ point: PointRecord, _ notes: inout [String]
    ) -> String? {
        do throws(BatchError) {
            let folder = session.backups + "/reports"
            try Folder.create(folder)
            let path = "\(folder)/certificate_\(plan.batch.batch)_\(session.context.now().compact).json"
            let body = try body(plan, batch, outcome, certificate, point)
            let signed = try SignedCertificate(signing: body, with: try SigningKey(folder: session.backups))
            try DurableFile.write(Array(signed.text.utf8), to: path)
            return path
        } catch {
            notes.append("the certificate could not be signed: \(error.message)")
            return nil
        }
    }

    private func body(
        _ plan: RollbackPlan, _ batch: BatchRecord, _ outcome: Undo.Outcome, _ certificate: Certificate,
        _ point: PointRecord
    ) throws(BatchError) -> JSONValue {
        let ledger = session.ledger
        let checkpoint = try ledger.checkpoints(of: batch.seq).last?.id ?? 0
        let record = try ledger.batch(seq: batch.seq) ?? batch
        return [
            "format": .string(SignedCertificate.format), "database_id": .init(try ledger.meta("database_id")),
            "database": .string(session.path), "batch": .string(plan.batch.batch.description),
            "rollback": .string(batch.batch.description), "checkpoint": .integer(checkpoint),
            "mode": .string(plan.request.mode.rawValue), "source": .string(records.source.rawValue),
            "records_not_used": .array(records.warnings.map { .string($0.text) }),
            "order": .array(plan.order.map { .string($0.batch.description) }),
            "undone_checkpoints": .array(plan.checkpoints.map { .integer($0.checkpoint.id) }),
            "actor": .string(batch.actor), "trace_id": .string(batch.traceID), "finished_at": .init(record.finishedAt),
            "state_before": .init(record.digestBefore?.description),
            "state_after": .init(record.digestAfter?.description),
            "tables": .array(outcome.digests.map(CertificatePaper.table)),
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
