internal import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Brings the database back to a restore point, as a batch: it has an undo log, a restore point, and can be rolled back.
public struct InPlaceRestore {
    private static let job = "restore"

    private let session: Session

    public init(_ session: Session) { self.session = session }

    /// Rebuilds the point beside the database, and changes in one transaction whatever differs from it.
    /// - Parameter rows: bring back these alone; nil for everything.
    /// - Throws: as `Restoring`; `ERR_DATA_VERIFICATION_FAILED` when the result would not be the recorded state;
    ///   `ERR_DATA_CONFLICT` when rows brought back alone would refer to nothing. Nothing has changed then.
    public func perform(
        _ reference: PointReference, source: RestoreSource? = nil, rows: RowSelection? = nil
    ) throws(BatchError) -> RunReport {
        do throws(BatchError) {
            return try restore(reference, source, rows)
        } catch {
            session.auditRefusal("restore", error)
            throw error
        }
    }

    private func restore(
        _ reference: PointReference, _ source: RestoreSource?, _ rows: RowSelection?
    ) throws(BatchError) -> RunReport {
        let start = ContinuousClock.now
        try SwitchGate(session).require(.undo, "restore of \(session.path)")
        let turn = try session.turn(for: LeaseWork(InPlaceRestore.job))
        let restoring = Restoring(session)
        let target = try restoring.point(reference)
        let scratch = try ScratchFolder(in: session.backups)
        let rebuilt = try restoring.rebuild(target, to: scratch.file("point.db"), source: source)
        let wanted = try Connection(path: rebuilt.file)
        wanted.tolerateUnknownCollations()
        var warnings = rebuilt.warnings
        if let rows {
            let choice = try RowChoice(rows, in: wanted, owner: RowOwner(session))
            try choice.check(session.connection)
            warnings += try choice.warnings(session.connection)
        }
        let reason = try turn.openHistory()
        var batch = try newBatch(target, rebuilt, rows)
        var point = PointRecord(batch: 0, kind: .restore, lastCheckpoint: 0, createdAt: batch.startedAt)
        let begun = ContinuousClock.now
        let version = session.connection.dataVersion
        try change(
            to: wanted, rows, rows == nil && session.owner == nil ? rebuilt.digest : nil, because: reason, &batch,
            &point)
        let captured = begun.millisecondsSince
        try PointKeeper(session: session).complete(&point, since: version)
        DriftWatch(session: session).remember(version: session.connection.dataVersion)
        return RunReport(
            batch: batch.batch, status: batch.status, checkpoints: 1, rows: batch.rows,
            restorePoint: RunOutcome(session: session).summary(point),
            phases: .init(capture: captured, restorePoint: max(0, begun.millisecondsSince - captured)),
            traceID: batch.traceID, duration: start.millisecondsSince, warnings: warnings)
    }

    private func newBatch(
        _ target: RestorePoint, _ rebuilt: RestoreReport, _ rows: RowSelection?
    ) throws(BatchError) -> BatchRecord {
        let number = try session.ledger.exists() ? try session.ledger.nextNumber(of: InPlaceRestore.job) : 1
        var batch = BatchRecord(
            batch: BatchID(job: InPlaceRestore.job, number: number), kind: .restore, actor: session.context.actor,
            traceID: session.context.traceID, startedAt: session.context.now().iso8601)
        batch.tenant = session.owner
        batch.parameters = JSONWriter.text([
            "point": .string(target.name), "source": .string(rebuilt.source.rawValue),
            "digest": .string(rebuilt.digest.description), "tenant": .init(session.owner), "table": .init(rows?.table),
            "where": .init(rows?.condition),
        ])
        return batch
    }

    // MARK: The transaction

    private func change(
        to wanted: Connection, _ rows: RowSelection?, _ digest: Digest?, because reason: SnapshotChoice.Reason?,
        _ batch: inout BatchRecord,
        _ point: inout PointRecord
    ) throws(BatchError) {
        let gateway = try Gateway(session.connection, spillFolder: session.backups)
        let owner = RowOwner(session)
        gateway.policy = PolicyChoice(session: session).policyForRestore(isWhole: rows == nil && owner == nil)
        // As for an undo: triggers, cascades and checks must not change what is put back.
        let undo = Undo(gateway)
        try undo.open()
        defer { undo.close() }
        try gateway.begin()
        session.context.reach("begun")
        let net =
            rows == nil && owner == nil
            ? try DatabaseNet(to: wanted, from: session.connection, state: session.ledger.state()) : nil
        try snapshot(&point, batch, changesSchema: net?.changesSchema ?? false, reason)
        if let net {
            try undo.goBack(over: net, named: batch.batch.description)
        } else {
            let all = try SchemaReader(session.connection).tables().map(\.name)
            let tables = rows.map { [$0.table] } ?? all
            let baseline = try gateway.foreignKeyBaseline(of: Set(tables))
            let source = WantedRows(connection: session.connection, wanted: wanted)
            if let rows {
                let changes = try source.changes(for: try RowChoice(rows, in: wanted, owner: owner))
                try undo.goBack(over: changes, named: batch.batch.description)
            } else if let owner {
                try undo.goBack(over: try source.changes(ofRowsOf: owner), named: batch.batch.description)
            }
            try requireParents(gateway, since: baseline)
        }
        session.context.reach("worked")
        try commit(gateway, digest, &batch, &point)
        session.context.reach("committed")
    }

    /// A whole copy is taken under the lock, before anything changes.
    private func snapshot(
        _ point: inout PointRecord, _ batch: BatchRecord, changesSchema: Bool, _ reason: SnapshotChoice.Reason?
    ) throws(BatchError) {
        let job = try JobDefinition.adHoc(
            id: InPlaceRestore.job, sql: ["SELECT 1"], session.context.steps.rules())
        point.bakKind = try SnapshotChoice(session: session)
            .kind(for: job, because: changesSchema ? .schemaChange : reason)
        guard point.bakKind == .full else { return }
        let before = try DatabaseState.read(session.connection, digest: session.ledger.state())
        let time = Timestamp(iso8601: point.createdAt) ?? session.context.now()
        let file = try PointKeeper(session: session).writeFull(batch.batch, at: time, before: before)
        point.bak = file.name
        point.bakSHA256 = file.sha256
    }

    private func commit(
        _ gateway: Gateway, _ wanted: Digest?, _ batch: inout BatchRecord, _ point: inout PointRecord
    ) throws(BatchError) {
        let ledger = session.ledger
        var record = batch
        record.rows = gateway.rows
        record.status = .committed
        record.hasSchemaChange = gateway.changedSchema
        record.digestBefore = try ledger.state()?.combined
        var saved = point
        try ledger.insert(&record)
        let inserted = record
        try gateway.commit(batch: record.seq, number: 1, step: InPlaceRestore.job, at: session.context.now()) {
            (checkpoint) throws(BatchError) in
            let digest = try ledger.state()?.combined
            if let wanted, let state = try ledger.state(),
                !state.isRecorded(as: wanted, try SchemaReader(session.connection).settings())
            {
                throw InPlaceRestore.mismatch
            }
            var finished = inserted
            finished.digestAfter = digest
            finished.finishedAt = session.context.now().iso8601
            try ledger.update(finished)
            try ledger.audit(
                session.context.action(or: "restore"), batch: finished, outcome: "committed",
                details: ["digest": .init(digest?.description)],
                context: session.context)
            saved = PointRecord(
                batch: inserted.seq, kind: .restore, lastCheckpoint: checkpoint, createdAt: point.createdAt)
            saved.bak = point.bak
            saved.bakKind = point.bakKind
            saved.bakSHA256 = point.bakSHA256
            try ledger.save(&saved)
            session.context.reach("before-commit")
        }
        batch = record
        point = saved
    }

    private func requireParents(_ gateway: Gateway, since baseline: ForeignKeyBaseline) throws(BatchError) {
        let violations = try gateway.newForeignKeyViolations(since: baseline)
        guard let first = violations.first else { return }
        throw BatchError(
            .conflict,
            "\(Counted.text(violations.count, "row")) of \(first.table) would refer to rows of \(first.parent) that are not there",
            hint: "bring those back first: \(command: "restore --point POINT --table \(first.parent)")")
    }

    private static var mismatch: BatchError {
        BatchError(
            .verificationFailed, "the database would not have the recorded state digest; nothing was changed",
            hint: "rebuild the point to a new file instead: \(command: "restore --point POINT --to FILE")")
    }
}
