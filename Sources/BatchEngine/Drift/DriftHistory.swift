internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// What the restore points in git tell of one table's rows that were changed outside any batch: the undo log does not
/// know them.
final class DriftHistory {
    private let session: Session
    private let layout: TableLayout
    /// Points with a commit, the oldest first.
    private lazy var points: [PointRecord] =
        (try? session.ledger.points(where: "status = 'complete' AND commit_id IS NOT NULL")) ?? []
    private var readers: [String: PointRows] = [:]

    init(session: Session, layout: TableLayout) {
        self.session = session
        self.layout = layout
    }

    /// The row as the batch of a checkpoint left it; nil too when git cannot tell.
    func row(_ key: RowKey, after checkpoint: Int64) throws(BatchError) -> [SQLValue]? {
        guard let point = points.first(where: { $0.lastCheckpoint >= checkpoint && $0.batch > 0 }) else { return nil }
        return try? row(key, at: point)
    }

    /// When a change behind a checkpoint was kept as a point of its own; nil when it has not been.
    func time(behind checkpoint: Int64) throws(BatchError) -> Timestamp? {
        points.first { $0.kind == .drift && $0.lastCheckpoint >= checkpoint }.map { Timestamp(ledger: $0.createdAt) }
    }

    /// Changes outside any batch of a row that no batch had touched yet, the last first.
    /// - Parameters:
    ///   - row: as the first batch that touched it found it, or as it is now.
    ///   - checkpoint: of that batch; nil when none touched it.
    func changes(
        of key: RowKey, endingAt row: [SQLValue]?, before checkpoint: Int64?
    ) throws(BatchError) -> [RowHistory.Version] {
        let older = points.filter { point in checkpoint.map { point.lastCheckpoint < $0 } ?? true }
        guard let last = older.last else { return [] }
        var versions: [RowHistory.Version] = []
        var now = row
        func step(to before: [SQLValue]?, behind: Int64) {
            guard before != now else { return }
            versions.append(RowHistory.Version(checkpoint: nil, behind: behind, before: before, after: now))
            now = before
        }
        do throws(BatchError) {
            step(to: try self.row(key, at: last), behind: last.lastCheckpoint + 1)
            for (point, before) in zip(older.dropFirst(), older).reversed() where point.kind == .drift {
                step(to: try self.row(key, at: before), behind: point.lastCheckpoint)
            }
        } catch {
            // A point that cannot be read tells nothing; `verify` says so.
            return versions
        }
        return versions
    }

    private func row(_ key: RowKey, at point: PointRecord) throws(BatchError) -> [SQLValue]? {
        let id = point.commit ?? ""
        if let known = readers[id] { return try known.row(key, of: layout) }
        guard let commit = CommitID(id) else { return nil }
        let reader = try PointRows(session.git, at: commit)
        readers[id] = reader
        return try reader.row(key, of: layout)
    }
}
