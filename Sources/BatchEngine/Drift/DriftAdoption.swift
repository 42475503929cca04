public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Makes a batch of what was changed outside any batch, with an undo log: it can be shown, blamed and rolled back.
///
/// In one transaction the rows are put back as they were, without a record, and changed again through the gateway.
public struct DriftAdoption {
    private static let job = "drift"

    private let session: Session

    public init(_ session: Session) { self.session = session }

    /// - Throws: `ERR_UX_WRONG_STATE` when there is no drift; `ERR_DATA_NOT_UNDOABLE` when an object cannot be made again,
    ///   such as a virtual table without its module. Nothing has changed then.
    public func perform() throws(BatchError) -> RunReport {
        try session.requireOperator("drift adopt")
        let start = ContinuousClock.now
        // It records what is there, and changes no row.
        try SwitchGate(session).require(.undo, "adoption of drift in \(session.path)")
        guard try session.ledger.state() != nil else { throw DriftAdoption.nothing }
        let turn = try session.turn(for: LeaseWork("drift adopt"))
        defer { withExtendedLifetime(turn) {} }
        let search = try DriftSearch(session: session)
        return try adopt(since: start) { () throws(BatchError) in try search.find() }
    }

    /// Adopts what there is before a batch.
    /// - Parameters:
    ///   - undoing: as for `Turn.openHistory`. What the guard noted is adopted all the same.
    ///   - mayBeFirst: no batch has made a `.bak` yet, and none is being made: the one of this batch begins the chain.
    /// - Returns: the batch; nil when the change cannot be made again, or no record tells what was there before.
    func adoptBefore(undoing tables: Set<String>?, mayBeFirst: Bool) throws(BatchError) -> BatchRecord? {
        // A delta follows the point before it: where a batch has none, only a point of the whole database leads on.
        let last = try session.ledger.lastPoint(where: "status = 'complete'")
        guard try session.ledger.state()?.combined == last?.digest else { return nil }
        if last?.bak == nil, try WriteGuard(session.ledger).mode() != .track {
            guard mayBeFirst, try session.ledger.lastPoint(where: "bak IS NOT NULL") == nil else { return nil }
        }
        let search = try DriftSearch(session: session)
        do throws(BatchError) {
            let adopted = try adopt(since: .now) { () throws(BatchError) in
                let drift = try search.find()
                let names = drift?.tables.flatMap { [$0.before?.name, $0.after?.name].compactMap(\.self) } ?? []
                guard drift?.isTracked == true || tables?.isDisjoint(with: names) == true else {
                    throw DriftAdoption.nothing
                }
                return drift
            }
            return try session.ledger.batch(adopted.batch)
        } catch {
            // A point of the whole database keeps it as well.
            let isLimit: Set<ErrorCode> = [
                .wrongState, .notUndoable, .constraint, .verificationFailed, .noRestorePoint, .corruptRecord,
                .schemaChanged, .conflict,
            ]
            guard isLimit.contains(error.code) else { throw error }
            return nil
        }
    }

    private func adopt(
        since start: ContinuousClock.Instant, _ find: () throws(BatchError) -> Drift?
    ) throws(BatchError) -> RunReport {
        let begun = ContinuousClock.now
        let gateway = try Gateway(session.connection, spillFolder: session.backups)
        let undo = Undo(gateway)
        try undo.open()
        defer { undo.close() }
        let version = session.connection.dataVersion
        try gateway.begin()
        guard let drift = try find() else { throw DriftAdoption.nothing }
        if drift.needsWhole, let before = drift.before {
            try replay(drift, before.connection, gateway, undo)
        } else {
            try replay(drift, gateway, undo)
        }
        var batch = try write(gateway, drift.state)
        undo.close()
        return try RunOutcome(session: session).conclude(&batch, begun: begun, since: start, version: version)
    }

    private func replay(_ drift: Drift, _ gateway: Gateway, _ undo: Undo) throws(BatchError) {
        for isForward in [false, true] {
            let tables = drift.tables.compactMap { table in
                (table.after ?? table.before).map { layout in
                    let changes = table.changes.map { RowChange(key: $0.key, before: $0.after, after: $0.before) }
                    return (layout: layout, changes: isForward ? changes : table.changes)
                }
            }
            try undo.goBack(over: RowChanges(tables), named: DriftAdoption.job)
            if !isForward { try gateway.forgetChanges() }
        }
    }

    /// The same by whole databases, for what rows do not tell: goes back to how it was before, and to a copy of how it is
    /// now.
    private func replay(
        _ drift: Drift, _ before: Connection, _ gateway: Gateway, _ undo: Undo
    ) throws(BatchError) {
        let folder = try ScratchFolder(in: session.backups)
        let copy = try Connection(path: folder.file("now.db"), mode: .create)
        copy.tolerateUnknownCollations()
        // The connection that holds the write lock cannot be copied from.
        try Connection(path: session.path, mode: .readOnly).backup(to: copy)
        let now = session.connection
        do throws(BatchError) {
            try undo.goBack(
                over: try DatabaseNetChanges(to: before, from: now, state: drift.state), named: DriftAdoption.job)
            try gateway.forgetChanges()
            try undo.goBack(
                over: try DatabaseNetChanges(to: copy, from: now, state: try session.ledger.state()),
                named: DriftAdoption.job)
        } catch {
            // An index that calls a function of the application, a module that is not here.
            throw BatchError(
                .notUndoable, "what was changed outside a batch cannot be reproduced here: \(error.message)",
                hint: "the next batch keeps it as a point; undo it: \(command: "restore --point POINT --in-place")"
            )
        }
    }

    private func write(_ gateway: Gateway, _ state: StateDigest) throws(BatchError) -> OwnBatch {
        let (ledger, context) = (session.ledger, session.context)
        context.noteStage(.committing)
        var batch = try OwnBatch(
            .drift, in: ledger, actor: context.actor, trace: context.traceID, at: context.now())
        try batch.commit(gateway, step: DriftAdoption.job, now: context.now()) { (batch, _) throws(BatchError) in
            guard batch.record.digestAfter == state.combined else { throw DriftAdoption.mismatch }
            try WriteGuard(ledger).clearNotes()
            try ledger.audit(
                "drift adopt", batch: batch.record, outcome: "adopted", details: ["rows": batch.record.rows.json],
                context: context)
            context.reach("before-commit")
        }
        context.reach("committed")
        return batch
    }

    // MARK: Errors

    static var nothing: BatchError {
        BatchError(
            .wrongState, "nothing was changed outside a batch",
            hint: "earlier changes are batches already: \(command: "list --job drift")")
    }

    private static var mismatch: BatchError {
        BatchError(
            .verificationFailed, "the rows that differ do not explain all that changed; nothing was changed",
            hint: "the next batch keeps the change as a restore point; see what differs: \(command: "verify")")
    }
}
