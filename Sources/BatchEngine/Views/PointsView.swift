public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Restore points as the ledger knows them, with a look at whether their copies are still there.
struct PointsView {
    let session: Session

    func report() throws(BatchError) -> PointsReport {
        let ledger = session.ledger
        guard try ledger.exists() else { return PointsReport(points: []) }
        let names = try ledger.connection.rows(
            "SELECT seq, batch FROM batchmgr_batches WHERE ?1 IS NULL OR tenant = ?1", [.optional(session.owner)])
        let batches = Dictionary(names.map { ($0[0].integer ?? 0, $0[1].string) }) { first, _ in first }
        return PointsReport(
            points: try ledger.points().filter { session.owner == nil || batches[$0.batch] != nil }.map { point in
                PointsReport.Point(
                    batch: (batches[point.batch] ?? nil).flatMap(BatchID.init),
                    kind: PointsReport.Point.Kind(point.kind),
                    copies: summary(point), digest: point.digest, createdAt: Timestamp(ledger: point.createdAt))
            })
    }

    func summary(_ point: PointRecord) -> RestorePointSummary {
        let path = point.bak.map { "\(session.backups)/\($0)" }
        return RestorePointSummary(
            bak: path, bakKind: point.bakKind, commit: point.commit,
            status: point.status == .complete && isIncomplete(point, path) ? .damaged : point.status)
    }

    /// Looks only for the names; `verify` reads what is behind them.
    private func isIncomplete(_ point: PointRecord, _ path: String?) -> Bool {
        let lacksFile = path.map { !Folder.exists($0) } ?? false
        let lacksCommit = point.commit.flatMap { CommitID($0) }.map { !session.git.has($0) } ?? true
        return lacksFile || lacksCommit
    }
}

extension PointsReport.Point.Kind {
    init(_ kind: BatchRecord.Kind) {
        switch kind {
        case .batch: self = .batch
        case .rollback: self = .rollback
        case .drift: self = .drift
        case .baseline: self = .baseline
        case .restore: self = .restore
        }
    }
}

extension Session {
    /// `points`: the oldest first; none when no batch has run on the database.
    public func points() throws(BatchError) -> PointsReport {
        try reading { () throws(BatchError) in try PointsView(session: self).report() }
    }
}
