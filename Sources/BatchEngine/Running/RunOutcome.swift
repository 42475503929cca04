internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// How a batch ends: its status, its restore point, who is told.
struct RunOutcome {
    let session: Session

    func conclude(
        _ run: BatchRun, _ point: inout PointRecord, _ failure: BatchError?, since start: ContinuousClock.Instant
    ) throws(BatchError) -> RunReport {
        try settle(run, &point, failure)
        run.rules?.follow()
        if let failure, failure.code != .stopped, failure.cause != .needsPlan { run.rules?.noteFailure() }
        session.context.noteStage(.restorePoint)
        let begun = ContinuousClock.now
        var left: Warning?
        do throws(BatchError) {
            var isKept = false
            if let series = run.series {
                if failure == nil { isKept = try series.keep(point, run.batch) } else { try series.flush() }
            }
            if point.status == .pending, !isKept, try !complete(&point, of: run) {
                run.warn(
                    .noPoint,
                    "another program changed the same tables in the meantime, so this batch has no restore point")
            }
        } catch {
            left = PointKeeper(session: session).leave(run.batch, because: error)
            // What was noted of it went with its transaction: the exit code goes by what the ledger says.
            point.status = .pending
        }
        let pointMilliseconds = begun.millisecondsSince
        if let failure { try fail(run, followContract(run, failure)) }
        session.notify(.recovered, "\(run.job.id) succeeded again", run.batch, of: run.job)
        if let left { run.warn(left.code, left.text) }
        DriftDetection(session: session).remember(version: session.connection.dataVersion)
        var report = RunReport(
            batch: run.batch.batch, tenant: run.batch.tenant, status: run.batch.status,
            checkpoints: run.lastNumber, rows: run.batch.rows, restorePoint: summary(point),
            phases: .init(
                capture: run.captureMilliseconds, restorePoint: pointMilliseconds,
                facts: run.gateway.ledger.factsTime.precise),
            traceID: run.batch.traceID, duration: start.millisecondsSince, warnings: run.warnings)
        report.hasSchemaChange = run.batch.hasSchemaChange
        report.changedRows = try? session.ledger.changedRows(of: run.batch)
        report.results = run.results.rows
        report.plan = run.plan?.plan.id
        report.rehearsal = run.rehearsal
        report.isolation = run.isolation?.report
        return report
    }

    private func complete(_ point: inout PointRecord, of run: BatchRun) throws(BatchError) -> Bool {
        try session.context.traced("restore point") { () throws(BatchError) in
            try PointKeeper(session: session).complete(&point, since: run.dataVersion)
        }
    }

    /// Writes the restore point of a batch of our own, and reports it.
    /// - Parameters:
    ///   - begun: when the change itself began.
    ///   - version: `Connection.dataVersion` before it.
    func conclude(
        _ batch: inout OwnBatch, begun: ContinuousClock.Instant, since start: ContinuousClock.Instant, version: Int64,
        warnings: [Warning] = []
    ) throws(BatchError) -> RunReport {
        let captured = begun.millisecondsSince
        session.context.noteStage(.restorePoint)
        if batch.point.id == 0, let name = batch.point.bak { Folder.remove("\(session.backups)/\(name)") }
        let left = PointKeeper(session: session).finish(batch.record, since: version)
        let point = try session.ledger.points(where: "batch = ?", [.integer(batch.record.seq)]).last ?? batch.point
        DriftDetection(session: session).remember(version: session.connection.dataVersion)
        var report = RunReport(
            batch: batch.record.batch, status: batch.record.status, checkpoints: 1, rows: batch.record.rows,
            restorePoint: summary(point),
            phases: .init(capture: captured, restorePoint: max(0, begun.millisecondsSince - captured)),
            traceID: batch.record.traceID, duration: start.millisecondsSince,
            warnings: warnings + (left.map { [$0] } ?? []))
        report.changedRows = try? session.ledger.changedRows(of: batch.record)
        return report
    }

    /// How a batch has ended, by its ledger.
    struct Settlement {
        var batch: BatchRecord
        var point: PointRecord
        var isKept = false
    }

    /// Writes the end of a batch into the ledger, in the open transaction.
    func end(
        _ run: BatchRun, _ known: BatchRecord, _ point: PointRecord, _ failure: BatchError?
    ) throws(BatchError) -> Settlement {
        let ledger = session.ledger
        var batch = known
        var settled = point
        var isKept = false
        batch.status = failure.map { $0.code == .stopped && run.plan == nil ? .stopped : .failed } ?? .committed
        batch.finishedAt = session.context.now().iso8601
        batch.error = failure?.description
        batch.digestAfter = try ledger.state()?.combined
        try ledger.update(batch)
        try ledger.audit(
            run.plan == nil ? session.context.action(or: "run") : "plan apply", batch: batch,
            outcome: failure.map { $0.code.errorClass == .security || $0.code == .contractBroken } == true
                ? "refused" : batch.status.rawValue,
            details: .object(
                [.init("rows", batch.rows.json)]
                    + (failure?.auditDetails ?? [])
                    + (run.contract.map { [.init("contract", .string($0.contract.id))] } ?? [])
                    + governed(run)),
            context: session.context)
        settled.lastCheckpoint = try ledger.checkpoints(of: batch.seq).last?.id ?? 0
        // A batch that ends well has a point of its own, also when its last run found nothing left to do.
        let isAtEnd = try covers(settled) || (failure == nil && settled.lastCheckpoint > 0)
        if isAtEnd { isKept = try ledger.hasChangedNothing(batch) ? ledger.isFirstCopy(settled) : true }
        if isKept {
            try ledger.save(&settled)
        } else {
            // The state is that of the point before, and a copy of it leads nowhere.
            try ledger.removePoint(settled.id)
            settled.status = .complete
            if let name = settled.bak { Folder.remove("\(session.backups)/\(name)") }
        }
        // What was switched while it ran.
        try SwitchGate(session).mirror()
        session.context.reach("before-settled")
        return Settlement(batch: batch, point: settled, isKept: isKept)
    }

    /// Writes the end of the batch into the ledger, unless its last checkpoint has.
    private func settle(_ run: BatchRun, _ point: inout PointRecord, _ failure: BatchError?) throws(BatchError) {
        let ledger = session.ledger
        let known = failure == nil ? run.settlement : nil
        var ended: Settlement
        if let known {
            ended = known
        } else {
            ended = try session.connection.transaction { () throws(BatchError) in
                try end(run, run.batch, point, failure)
            }
        }
        let batch = ended.batch
        run.batch = batch
        if !ended.isKept, try ledger.hasChangedNothing(batch) { ended.point.lastCheckpoint = 0 }
        point = ended.point
        session.context.log.write(
            failure == nil ? .info : failure?.code == .stopped ? .warn : .error, "batch.end",
            "batch \(batch.batch) \(batch.status.rawValue): \(Counted.text(batch.rows.total, "row")) changed",
            module: .runner,
            batch: Log.Batch(batch, in: session), error: failure)
        session.context.reach("batch-settled")
    }

    /// What let a governed batch through.
    private func governed(_ run: BatchRun) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if let plan = run.plan {
            members.append(.init("plan", .string("\(plan.plan.id)")))
            members.append(.init("author", .string(plan.approval.author)))
            members.append(.init("approver", .string(plan.approval.approver)))
        }
        if let isolation = run.isolation?.report { members.append(.init("isolation", isolation.json)) }
        if let rehearsal = run.rehearsal { members.append(.init("rehearsal", .string(rehearsal))) }
        return members
    }

    private func covers(_ point: PointRecord) throws(BatchError) -> Bool {
        let last =
            try session.ledger.points(where: "batch = ? AND id <> ?", [.integer(point.batch), .integer(point.id)])
            .map(\.lastCheckpoint).max() ?? 0
        return point.lastCheckpoint > last
    }

    private func fail(_ run: BatchRun, _ failure: BatchError) throws(BatchError) {
        let becomesPlan = run.mayBecomePlan && failure.cause == .needsPlan
        if failure.code != .stopped, !becomesPlan {
            session.notify(.failed, run.batch, failure, of: run.job)
        }
        // A part of an approved plan is not what was approved.
        let isWanted =
            run.plan != nil || becomesPlan || (failure.code != .stopped && run.job.onFailure == .rollback)
            || run.contract?.contract.consequences.contains(.rollback) == true
        if isWanted, run.lastNumber > 0 { throw undone(run, failure) }
        if run.plan != nil || becomesPlan { throw failure }
        throw try session.ledger.explain(failure, of: run.batch)
    }

    /// What a contract wants when it is broken is told, and done, whatever becomes of the batch.
    private func followContract(_ run: BatchRun, _ failure: BatchError) -> BatchError {
        guard let broken = run.contract, let healing = session.context.healing else { return failure }
        do throws(BatchError) {
            try healing.follow(broken, in: session)
        } catch {
            return failure.with(
                message: "\(failure.message); what the contract asks for could not be done: \(error.message)")
        }
        return failure
    }

    /// Undoes the batch, as its job wants it, and adds to the failure how that went.
    private func undone(_ run: BatchRun, _ failure: BatchError) -> BatchError {
        do throws(BatchError) {
            _ = try Rollback(session).undoFailed(run)
        } catch {
            return BatchError(
                failure.code, "\(failure.message); what it had committed could not be rolled back: \(error.message)",
                hint: error.hint)
        }
        if failure.cause == .needsPlan { return failure }
        return BatchError(
            failure.code, "\(failure.message); what it had committed was rolled back",
            hint: "correct the cause, then: \(command: "run --id \(run.job.id)")")
    }

    func summary(_ point: PointRecord) -> RestorePointSummary? {
        guard point.id > 0, point.lastCheckpoint > 0 else { return nil }
        return RestorePointSummary(
            bak: point.bak.map { "\(session.backups)/\($0)" }, bakKind: point.bakKind, commit: point.commit,
            status: point.status)
    }

    /// The same key ran before.
    func repeated(_ batch: BatchRecord) throws(BatchError) -> RunReport {
        let point = try session.ledger.points(where: "batch = ?", [.integer(batch.seq)]).last
        return RunReport(
            batch: batch.batch, tenant: batch.tenant, status: batch.status,
            checkpoints: try session.ledger.checkpoints(of: batch.seq).count, rows: batch.rows,
            restorePoint: point.flatMap { summary($0) }, phases: .init(capture: 0, restorePoint: 0),
            traceID: batch.traceID, duration: 0, isRepeated: true)
    }
}

/// The first rows that the statements of a batch returned, for the person who typed them.
final class ReturnedRows {
    static let most = 100

    private let isWanted: Bool
    private(set) var rows: [QueryRows] = []

    init(isWanted: Bool) { self.isWanted = isWanted }

    /// A step that is tried again begins anew.
    func clear(_ step: String) { rows.removeAll { $0.step == step } }

    func add(_ statement: Statement, _ step: String) {
        guard isWanted else { return }
        let columns = (0..<statement.columnCount).map { statement.columnName($0) }
        if rows.last?.columns != columns || rows.last?.step != step {
            rows.append(QueryRows(step: step, columns: columns, rows: [], more: 0))
        }
        let place = rows.count - 1
        if rows.reduce(0, { $0 + $1.rows.count }) < ReturnedRows.most {
            rows[place].rows.append(columns.indices.map { statement.value($0) })
        } else {
            rows[place].more += 1
        }
    }
}

extension JobDefinition {
    /// True for SQL that was given on the command line.
    var isAdHoc: Bool { version == SemanticVersion(major: 0, minor: 0, patch: 0) }
}
