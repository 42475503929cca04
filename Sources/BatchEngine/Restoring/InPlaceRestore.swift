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
    /// - Parameters:
    ///   - rows: bring back these alone; nil for everything.
    ///   - isDryRun: show what would change, and discard it.
    /// - Throws: as `Restoring`; `ERR_DATA_VERIFICATION_FAILED` when the result would not be the recorded state;
    ///   `ERR_DATA_CONFLICT` when rows brought back alone would refer to nothing. Nothing has changed then.
    public func perform(
        _ reference: PointReference, source: RestoreSource? = nil, rows: RowSelection? = nil, isDryRun: Bool = false
    ) throws(BatchError) -> RunReport {
        do throws(BatchError) {
            return try isDryRun ? preview(reference, source, rows) : restore(reference, source, rows)
        } catch {
            session.auditRefusal(isDryRun ? "dry-run" : "restore", error)
            throw error
        }
    }

    private func restore(
        _ reference: PointReference, _ source: RestoreSource?, _ rows: RowSelection?
    ) throws(BatchError) -> RunReport {
        let start = ContinuousClock.now
        try SwitchGate(session).require(.undo, "restore of \(session.path)")
        let turn = try session.turn(for: LeaseWork(InPlaceRestore.job))
        let scratch = try ScratchFolder(in: session.backups)
        let (target, rebuilt) = try rebuild(reference, source, in: scratch)
        let wanted = try Connection(path: rebuilt.file)
        wanted.tolerateUnknownCollations()
        let warnings = try rebuilt.warnings + check(rows, in: wanted)
        let reason = try turn.openHistory()
        var batch = try newBatch(target, rebuilt, rows)
        let begun = ContinuousClock.now
        let version = session.connection.dataVersion
        session.context.phase("changing the database back")
        try change(to: wanted, rows, isWhole(rows) ? rebuilt.digest : nil, because: reason, &batch)
        return try RunOutcome(session: session)
            .conclude(&batch, begun: begun, since: start, version: version, warnings: warnings)
    }

    /// The same in a transaction that is discarded, without a turn and without copies.
    private func preview(
        _ reference: PointReference, _ source: RestoreSource?, _ rows: RowSelection?
    ) throws(BatchError) -> RunReport {
        try SwitchGate(session).require(.undo, "restore of \(session.path)")
        if session.mayHaveLeftovers { _ = try session.turn(for: LeaseWork(InPlaceRestore.job)) }
        let scratch = try ScratchFolder(in: session.backups)
        let (target, rebuilt) = try rebuild(reference, source, in: scratch)
        let wanted = try Connection(path: rebuilt.file)
        wanted.tolerateUnknownCollations()
        let warnings = try rebuilt.warnings + check(rows, in: wanted)
        let (gateway, undo) = try openGateway(rows)
        defer { undo.close() }
        let batch = try newBatch(target, rebuilt, rows).record
        return try DryRun(session: session).perform(batch, gateway, warnings: warnings) { () throws(BatchError) in
            // Changes outside any batch have not become a batch here, as they would before a restore.
            let now = try StateDigest.compute(session.connection)
            try session.ledger.setState(now)
            let net = isWhole(rows) ? try DatabaseNetChanges(to: wanted, from: session.connection, state: now) : nil
            try goBack(to: wanted, rows, net, batch, gateway, undo)
        } look: { () throws(BatchError) in
            if isWhole(rows) { try requireState(rebuilt.digest) }
        }
    }

    private func isWhole(_ rows: RowSelection?) -> Bool { rows == nil && session.owner == nil }

    private func rebuild(
        _ reference: PointReference, _ source: RestoreSource?, in scratch: ScratchFolder
    ) throws(BatchError) -> (RestorePoint, RestoreReport) {
        let restoring = Restoring(session)
        let target = try restoring.point(reference)
        return (target, try restoring.rebuild(target, to: scratch.file("point.db"), source: source))
    }

    /// - Returns: what the person should know about the rows that were chosen.
    private func check(_ rows: RowSelection?, in wanted: Connection) throws(BatchError) -> [Warning] {
        guard let rows else { return [] }
        let choice = try RowChoice(rows, in: wanted, owner: RowOwner(session))
        try choice.check(session.connection)
        return try choice.warnings(session.connection)
    }

    private func newBatch(
        _ target: RestorePoint, _ rebuilt: RestoreReport, _ rows: RowSelection?
    ) throws(BatchError) -> OwnBatch {
        let context = session.context
        var batch = try OwnBatch(
            .restore, in: session.ledger, actor: context.actor, trace: context.traceID, at: context.now())
        batch.record.tenant = session.owner
        batch.record.parameters = JSONWriter.text([
            "point": .string(target.name), "source": .string(rebuilt.source.rawValue),
            "digest": .string(rebuilt.digest.description), "tenant": .init(session.owner), "table": .init(rows?.table),
            "where": .init(rows?.condition),
        ])
        return batch
    }

    // MARK: The transaction

    private func change(
        to wanted: Connection, _ rows: RowSelection?, _ digest: Digest?, because reason: SnapshotChoice.Reason?,
        _ batch: inout OwnBatch
    ) throws(BatchError) {
        let (gateway, undo) = try openGateway(rows)
        defer { undo.close() }
        try gateway.begin()
        session.context.reach("begun")
        let net =
            isWhole(rows)
            ? try DatabaseNetChanges(to: wanted, from: session.connection, state: session.ledger.state()) : nil
        try snapshot(&batch, changesSchema: net?.changesSchema ?? false, reason)
        try goBack(to: wanted, rows, net, batch.record, gateway, undo)
        session.context.reach("worked")
        try write(&batch, gateway, digest)
    }

    private func openGateway(_ rows: RowSelection?) throws(BatchError) -> (Gateway, Undo) {
        let gateway = try Gateway(session.connection, spillFolder: session.backups)
        gateway.policy = PolicyChoice(session: session).policyForRestore(isWhole: isWhole(rows))
        // As for an undo: triggers, cascades and checks must not change what is put back.
        let undo = Undo(gateway)
        try undo.open()
        return (gateway, undo)
    }

    /// Changes what differs, in the open transaction.
    private func goBack(
        to wanted: Connection, _ rows: RowSelection?, _ net: DatabaseNetChanges?, _ batch: BatchRecord,
        _ gateway: Gateway,
        _ undo: Undo
    ) throws(BatchError) {
        if let net { return try undo.goBack(over: net, named: batch.batch.description) }
        let owner = RowOwner(session)
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

    /// A whole copy is taken under the lock, before anything changes.
    private func snapshot(
        _ batch: inout OwnBatch, changesSchema: Bool, _ reason: SnapshotChoice.Reason?
    ) throws(BatchError) {
        let job = try JobDefinition.adHoc(
            id: InPlaceRestore.job, sql: ["SELECT 1"], session.context.steps.rules())
        batch.point.bakKind = try SnapshotChoice(session: session)
            .kind(for: job, because: changesSchema ? .schemaChange : reason)
        try PointCopies(session: session).writeFull(batch.record.batch, for: &batch.point)
    }

    private func write(_ batch: inout OwnBatch, _ gateway: Gateway, _ wanted: Digest?) throws(BatchError) {
        let (ledger, context) = (session.ledger, session.context)
        context.noteStage(.committing)
        PointCopies(session: session).keep(of: batch.point)
        try batch.commit(gateway, step: InPlaceRestore.job, now: context.now()) { (batch, _) throws(BatchError) in
            if let wanted { try requireState(wanted) }
            try ledger.audit(
                context.action(or: "restore"), batch: batch.record, outcome: "committed",
                details: ["digest": .init(batch.record.digestAfter?.description)], context: context)
            context.reach("before-commit")
        }
        context.reach("committed")
    }

    private func requireState(_ wanted: Digest) throws(BatchError) {
        guard let state = try session.ledger.state(),
            !state.isRecorded(as: wanted, try SchemaReader(session.connection).settings())
        else { return }
        throw InPlaceRestore.mismatch
    }

    private func requireParents(_ gateway: Gateway, since baseline: ForeignKeyBaseline) throws(BatchError) {
        let violations = try gateway.newForeignKeyViolations(since: baseline)
        guard let first = violations.first else { return }
        throw BatchError(
            .conflict,
            "\(Counted.text(violations.count, "row")) of \(first.table) would refer to missing rows of \(first.parent)",
            hint: "bring those back first: \(command: "restore --point POINT --table \(first.parent)")")
    }

    private static var mismatch: BatchError {
        BatchError(
            .verificationFailed, "the database would not have the recorded state digest; nothing was changed",
            hint: "rebuild the point to a new file instead: \(command: "restore --point POINT --to FILE")")
    }
}
