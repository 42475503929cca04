public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Restore points as the ledger knows them, with a look at whether their copies are still there.
struct PointsView {
    let session: Session

    /// - Parameter limit: the newest so many.
    func report(limit: Int) throws(BatchError) -> PointsReport {
        let ledger = session.ledger
        guard try ledger.exists() else { return PointsReport(points: []) }
        var found: [PointRecord] = []
        var isMore = false
        try ledger.forEachPointFromNewest(
            where: "?1 IS NULL OR batch IN (SELECT seq FROM main.batchmgr_batches WHERE tenant = ?1)",
            [.optional(session.owner)]
        ) { (point) in
            isMore = found.count == limit
            if !isMore { found.append(point) }
            return !isMore
        }
        let names = try ledger.names(of: Set(found.map(\.batch)))
        let commits = present(found)
        let points = found.reversed().map { point in
            PointsReport.Point(
                batch: names[point.batch], kind: PointsReport.Point.Kind(point.kind),
                copies: summary(point, commits), digest: point.digest, createdAt: Timestamp(ledger: point.createdAt))
        }
        return PointsReport(points: points, isMore: isMore)
    }

    func summary(_ point: PointRecord) -> RestorePointSummary { summary(point, present([point])) }

    private func present(_ points: [PointRecord]) -> Set<CommitID> {
        session.git.present(points.compactMap { $0.commit.flatMap { CommitID($0) } })
    }

    /// Looks only for the names; `verify` reads what is behind them.
    private func summary(_ point: PointRecord, _ commits: Set<CommitID>) -> RestorePointSummary {
        let path = point.bak.map { "\(session.backups)/\($0)" }
        let lacksFile = path.map { !Folder.exists($0) } ?? false
        let lacksCommit = point.commit.flatMap { CommitID($0) }.map { !commits.contains($0) } ?? true
        return RestorePointSummary(
            bak: path, bakKind: point.bakKind, commit: point.commit,
            status: point.status == .complete && (lacksFile || lacksCommit) ? .damaged : point.status)
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
    /// - Parameter limit: the newest so many.
    public func points(limit: Int = .max) throws(BatchError) -> PointsReport {
        try reading { () throws(BatchError) in try PointsView(session: self).report(limit: limit) }
    }
}
