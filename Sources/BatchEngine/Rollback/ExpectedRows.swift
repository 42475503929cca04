internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// What a batch left of rows that others have changed since. An undo needs just the hash of such a row, so its values are
/// looked for only when there is something to tell: in the commit of the batch, and in what later batches noted before
/// they changed it.
final class ExpectedRows {
    private let session: Session
    private let plan: RollbackPlan
    private var commits: [String: PointRows?] = [:]
    /// The undo log may be long, and is gone through once for each row: for so long at most.
    private static let patience = Duration.seconds(2)
    private let start = ContinuousClock.now

    init(session: Session, plan: RollbackPlan) {
        self.session = session
        self.plan = plan
    }

    /// The stored values; nil when no record that can be read has them.
    func row(_ conflict: UndoConflict, _ key: RowKey, _ layout: TableLayout) -> [SQLValue]? {
        let own = plan.checkpoints.filter { $0.batch == conflict.batch }.map(\.checkpoint)
        guard let last = own.map(\.id).max() else { return nil }
        if let row = committed(last, own[0].batch, key, layout), isAsLeft(row, conflict, layout) { return row }
        guard ContinuousClock.now - start < ExpectedRows.patience, conflict.left != nil else { return nil }
        let row = logged(Set(own.map(\.id)), key, layout, conflict.row?.map(\.value))
        return row.flatMap { isAsLeft($0, conflict, layout) ? $0 : nil }
    }

    private func isAsLeft(_ row: [SQLValue], _ conflict: UndoConflict, _ layout: TableLayout) -> Bool {
        // A table that hides its rowid is numbered by its commit as it likes.
        conflict.left.map { RowCodec.hash(row).low == $0 } ?? (layout.key != .rowid(alias: nil))
    }

    private func committed(_ checkpoint: Int64, _ batch: Int64, _ key: RowKey, _ layout: TableLayout) -> [SQLValue]? {
        let points = try? session.ledger.points(where: "batch = ? AND status = 'complete'", [.integer(batch)])
        guard let id = points?.first(where: { $0.lastCheckpoint >= checkpoint })?.commit else { return nil }
        if commits[id] == nil { commits[id] = .some(CommitID(id).flatMap { try? PointRows(session.git, at: $0) }) }
        return (try? commits[id]??.row(key, of: layout)) ?? nil
    }

    private func logged(
        _ own: Set<Int64>, _ key: RowKey, _ layout: TableLayout, _ now: [SQLValue]?
    ) -> [SQLValue]? {
        let history = try? RowHistory(session.ledger, of: key, in: layout, row: now) { (_, _) in nil }
        return history?.versions.first { $0.checkpoint.map(own.contains) ?? false }?.after
    }
}
