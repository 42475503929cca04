internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Carries out one rollback: undo, checks, compensations, commit, restore point, report and certificate.
struct RollbackRun {
    let session: Session
    let scope: RollbackScope
    let journal: RollbackJournal
    let records: UndoRecords
    /// Why the `.bak` must be a whole copy, when that is known already.
    let reason: SnapshotChoice.Reason?
    let start: ContinuousClock.Instant
    /// As the audit calls it.
    var action = "rollback"

    private var ledger: Ledger { session.ledger }
    private var request: RollbackRequest { scope.request }

    func perform() throws(BatchError) -> Rollback.Outcome {
        try session.context.traced(
            "rollback", [.init("batchmgr.batch", .string("\(scope.batch.batch)"))], since: start, keep: true
        ) { () throws(BatchError) in try undo() }
    }

    private func undo() throws(BatchError) -> Rollback.Outcome {
        let gateway = try Gateway(session.connection, spillFolder: session.backups)
        gateway.policy = try PolicyChoice(session: session).policy(
            undoing: scope.order, isWhole: request.mode != .unconflicted && request.onConflict == .abort)
        let undo = Undo(gateway)
        try undo.open()
        defer { undo.close() }
        var batch = try newBatch()
        // The copy of a rollback that was refused leads nowhere.
        defer { if batch.point.batch == 0 { removeCopy(of: batch.point) } }
        let began = ContinuousClock.now
        var version: Int64?
        let verify = try VerifyAfterRollback(session: session, scope: scope)
        let (outcome, failing) = try records.first {
            (record) throws(BatchError) -> (Undo.Outcome, [VerifyAfterRollback.Failing]) in
            gateway.rollback()
            let outcome = try attempt(undo, record) { () throws(BatchError) in
                // An undo may begin more than once, and between two attempts others may have written.
                removeCopy(of: batch.point)
                batch.point.bak = nil
                version = session.connection.dataVersion
                session.context.reach("begun")
                verify.askBefore()
                if !request.isDryRun { try snapshot(&batch) }
                session.context.reach("copied")
                session.context.phase("undoing \(scope.order.map(\.batch.description).joined(separator: ", "))")
            }
            journal.write(
                "undone", ["rows": gateway.rows.json, "tables": .array(outcome.changedTables.map(JSONValue.string))])
            session.context.reach("undone")
            return (outcome, try inspect(outcome, verify))
        }
        let unchecked = outcome.uncheckedForeignKeys
        let certificate = Certificate(
            digestsMatch: true, verifyPassed: failing.isEmpty, foreignKeysOK: unchecked.isEmpty,
            uncheckedForeignKeys: unchecked)
        let conflicts = try ConflictList(session: session, scope: scope).describe(outcome.conflicts, isRefused: false)
        for conflict in conflicts { journal.write("conflict", conflict.json) }
        var done = RollbackResult(
            rows: gateway.rows, certificate: certificate, conflicts: conflicts,
            kept: Set(outcome.conflicts.filter { !$0.isOverwritten }.map(\.batch)))
        done.failing = failing
        if request.isDryRun {
            done.revived = try Revival(session: session, scope: scope).effects()
                .filter { !$0.mayRedo }.map(\.words)
        }
        // What the policy says is known when it is sealed.
        if request.isDryRun, scope.replayed.isEmpty, request.planTarget == nil, gateway.policy.isUnrestricted {
            gateway.rollback()
            journal.write("verdict", ["outcome": "dry run, nothing changed"])
            return .done(report(batch.record, nil, done))
        }
        if !request.isDryRun {
            session.context.noteStage(.committing)
            journal.keep()
            PointCopies(session: session).keep(of: batch.point)
        }
        gateway.hold()
        let checkpoint = try commit(gateway, &batch, done)
        undo.leave()
        for original in scope.replayed {
            let rerun = try Rerun(session: session, gateway: gateway).perform(original, for: batch.record.seq)
            done.replayed.append(rerun)
            journal.write(
                "replayed",
                ["batch": .string(original.batch.description), "as": .string(rerun.batch.batch.description)])
            session.context.reach("replayed")
        }
        if request.isDryRun {
            let details = try planDetails(checkpoint, began)
            gateway.rollback()
            if let path = request.planTarget { try writePlan(details, to: path) }
            journal.write("verdict", ["outcome": "dry run, nothing changed"])
            return .done(report(batch.record, nil, done))
        }
        try release(gateway, batch.record.seq, checkpoint, &done)
        for index in done.replayed.indices {
            if let left = try Rerun(session: session, gateway: gateway)
                .performWaiting(&done.replayed[index])
            {
                done.left.append(left)
            }
        }
        done.captured = began.millisecondsSince
        undo.close()
        if batch.point.id == 0 { removeCopy(of: batch.point) }
        done.pending = PointKeeper(session: session).finish(batch.record, since: version)
        let point = try ledger.points(where: "batch = ?", [.integer(batch.record.seq)]).last ?? batch.point
        DriftDetection(session: session).remember(version: session.connection.dataVersion)
        // It is done: what cannot be written about it makes it no failure.
        do throws(BatchError) {
            done.report = try RollbackDocument(session: session, records: records).write(
                scope, batch.record, outcome, point, done)
        } catch {
            done.unwritten = error.message
        }
        done.signed = CertificateWriter(session: session, records: records)
            .write(scope, batch.record, outcome, certificate, point, &done.notes)
        for (isDone, rest) in [
            ("the data of \(scope.batch.batch) is undone", done.left), ("the rows are back", done.revived),
        ] where !rest.isEmpty {
            let error = BatchError(
                .compensationMissing, "\(isDone), but not everything else: \(rest.joined(separator: "; "))",
                hint: done.report.map { "see the report: \($0)" } ?? "see its log")
            session.notify(.partial, scope.batch, error)
        }
        journal.write(
            "verdict",
            [
                "outcome": "committed", "rollback": .string(batch.record.batch.description),
                "report": JSONValue(done.report),
            ])
        return .done(report(batch.record, point, done))
    }

    private func attempt(
        _ undo: Undo, _ record: UndoRecord, locked: () throws(BatchError) -> Void
    ) throws(BatchError) -> Undo.Outcome {
        try undo.perform(
            scope.checkpoints, from: record, collecting: request.onConflict != .abort,
            overwriting: request.onConflict == .overwrite,
            leaving: request.mode == .unconflicted
                ? try ledger.laterTouches(of: scope.checkpoints.map(\.checkpoint)) : TouchedKeys(), locked: locked)
    }

    private func planDetails(
        _ checkpoint: Int64, _ began: ContinuousClock.Instant
    ) throws(BatchError) -> [JSONValue.Member] {
        guard request.planTarget != nil else { return [] }
        return try BoundPlanDetails(session: session, scope: scope)
            .members(from: checkpoint, milliseconds: began.millisecondsSince)
    }

    private func writePlan(_ details: [JSONValue.Member], to path: String) throws(BatchError) {
        let bound = BoundPlan(
            request: request, batch: scope.batch.batch, head: try LedgerHeadCheck(session: session).head(),
            order: scope.order.map(\.batch), replayed: scope.replayed.map(\.batch))
        try BoundPlanFile.write(bound, details: details, to: path)
        journal.write("planned", ["file": .string(path)])
    }

    private func newBatch() throws(BatchError) -> OwnBatch {
        let context = session.context
        var batch = try OwnBatch(
            .rollback, in: ledger, actor: context.actor, trace: context.traceID, at: context.now())
        batch.record.rollsBack = scope.order.map(\.batch.description).joined(separator: " ")
        batch.record.tenant = scope.batch.tenant
        batch.record.parameters = JSONWriter.text([
            "mode": .string(request.mode.rawValue), "to": request.checkpoint.map { JSONValue($0) } ?? .null,
        ])
        return batch
    }

    /// A rollback has none: it needs the copy that what it undid would need.
    private func definitions(of batch: BatchRecord) throws(BatchError) -> [JobDefinition] {
        if batch.definition != nil { return [try session.job(of: batch)] }
        var found: [JobDefinition] = []
        for name in (batch.rollsBack ?? "").split(separator: " ") {
            guard let id = BatchID(String(name)), let undone = try ledger.batch(id), undone.seq < batch.seq else {
                continue
            }
            found += try definitions(of: undone)
        }
        return found
    }

    private func snapshot(_ batch: inout OwnBatch) throws(BatchError) {
        var definitions: [JobDefinition] = []
        for undone in scope.order { definitions += try self.definitions(of: undone) }
        if definitions.isEmpty {
            definitions = [
                try JobDefinition.adHoc(id: batch.record.batch.job, sql: ["SELECT 1"], session.context.steps.rules())
            ]
        }
        let changesSchema = scope.order.contains(where: \.hasSchemaChange)
        let choice = SnapshotChoice(session: session)
        let kinds = try definitions.map { (job) throws(BatchError) in
            try choice.kind(for: job, because: changesSchema ? .schemaChange : reason)
        }
        batch.point.bakKind = kinds.contains(.full) ? .full : .delta
        try PointCopies(session: session).writeFull(batch.record.batch, for: &batch.point)
    }

    private func removeCopy(of point: PointRecord) {
        guard let name = point.bak else { return }
        Folder.remove("\(session.backups)/\(name)")
        PointCopies(session: session).keep(of: point)
    }

    /// - Throws: when the result is not what it must be; the caller's transaction is rolled back.
    private func inspect(
        _ outcome: Undo.Outcome, _ verify: VerifyAfterRollback
    ) throws(BatchError) -> [VerifyAfterRollback.Failing] {
        for check in outcome.digests {
            journal.write(
                "digest",
                [
                    "table": .string(check.table), "expected": .string(check.expected.digest.description),
                    "found": .string(check.found.digest.description), "ok": .bool(check.matches),
                    "exempt": .bool(check.isExempt),
                ])
        }
        try outcome.require(for: scope.batch.batch)
        let failing = verify.askAfter()
        journal.write("verify", ["failing": .array(failing.map(\.json))])
        return failing
    }

    /// Writes the rollback into the ledger; the transaction stays open.
    /// - Returns: the checkpoint.
    private func commit(
        _ gateway: Gateway, _ batch: inout OwnBatch, _ done: RollbackResult
    ) throws(BatchError) -> Int64 {
        do throws(BatchError) {
            return try batch.commit(gateway, step: "undo", now: session.context.now()) {
                (batch, checkpoint) throws(BatchError) in
                try ledger.record(
                    undone: scope.checkpoints, of: scope.order, by: checkpoint, keeping: done.kept
                ) { session.context.reach("marked") }
                try ledger.audit(
                    action, batch: scope.batch, outcome: "committed", details: try auditDetails(batch.record),
                    context: session.context)
            }
        } catch {
            gateway.rollback()
            guard error.code == .protectedData else { throw error }
            // A state would come about that was never there.
            throw error.with(
                hint: "see the rows that stand in the way: \(command: "rollback --id \(scope.batch.batch) --dry-run")")
        }
    }

    private func auditDetails(_ rollback: BatchRecord) throws(BatchError) -> JSONValue {
        var details: [JSONValue.Member] = [
            .init("rollback", .string(rollback.batch.description)), .init("order", .init(rollback.rollsBack)),
        ]
        let protected = try PolicyChoice(session: session).protected(changedBy: scope.order)
        if !protected.isEmpty { details.append(.init("protected", .array(protected.map(JSONValue.string)))) }
        return .object(details)
    }

    /// Takes back what happened outside the database, which cannot be thrown away with the transaction: last of all.
    private func release(
        _ gateway: Gateway, _ batch: Int64, _ checkpoint: Int64, _ done: inout RollbackResult
    ) throws(BatchError) {
        do throws(BatchError) {
            let compensated = try Compensation(session: session)
                .run(scope, journal, allowMissing: request.allowsMissingCompensation)
            for effect in compensated.done { try ledger.markEffectUndone(effect, by: checkpoint) }
            for undone in scope.order where compensated.left.contains(where: { $0.batch == undone.seq }) {
                try ledger.refreshStatus(undone.seq, isPartial: true)
            }
            done.left = compensated.left.map(\.what)
            done.revived = try Revival(session: session, scope: scope).run(journal, for: batch, checkpoint)
            session.context.reach("before-commit")
            try gateway.release()
        } catch {
            gateway.rollback()
            throw error
        }
        session.context.reach("committed")
    }

    private func report(_ batch: BatchRecord, _ point: PointRecord?, _ done: RollbackResult) -> RollbackReport {
        session.context.log.warnings(
            records.warnings + done.warnings, module: .rollback, batch: Log.Batch(scope.batch, in: session))
        let status = (try? ledger.batch(seq: scope.batch.seq))?.status ?? scope.batch.status
        return RollbackReport(
            batch: scope.batch.batch, rollback: point == nil ? nil : batch.batch, status: status, mode: request.mode,
            source: records.source.rawValue, order: scope.order.map(\.batch), rows: done.rows,
            dependents: scope.reports,
            conflicts: done.conflicts,
            replayed: done.replayed.map {
                .init(batch: $0.original.batch, replacement: point == nil ? nil : $0.batch.batch)
            }, exempt: scope.summaries(scope.exempt), certificate: done.certificate,
            restorePoint: point.flatMap { RunOutcome(session: session).summary($0) }, log: journal.path,
            report: done.report, signed: done.signed, isDryRun: request.isDryRun, plan: request.planTarget,
            warnings: records.warnings + done.warnings,
            phases: done.captured.map {
                RunReport.Phases(capture: $0, restorePoint: max(0, start.millisecondsSince - $0))
            },
            duration: start.millisecondsSince)
    }
}
