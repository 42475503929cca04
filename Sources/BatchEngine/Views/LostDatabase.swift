public import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchSystem

/// What the home of a database that is lost, or no database any more, tells about it: its commits, and where git is lost too, its `.bak` files.
public struct LostDatabase {
    private let session: Session

    /// What brings it back.
    private let path: String
    private let missing: BatchError

    /// - Throws: `missing` when nothing is left of the database.
    public init(_ workspace: Workspace, tenant: String?, context: Context, because missing: BatchError)
        throws(BatchError)
    {
        self.missing = missing
        guard Folder.exists(workspace.backups) else { throw missing }
        session = try Session.standIn(workspace, tenant: tenant, context: context)
        commits = ((try? session.git.messages(branch: session.branch)) ?? []).reversed()
        let owner = session.bakOwner
        files = ((try? BakStore(folder: session.backups).contents().files) ?? []).filter(owner.owns)
        guard !commits.isEmpty || !files.isEmpty else { throw missing }
        path = try workspace.database().path(of: tenant ?? workspace.tenant)
    }

    private var isThere: Bool { missing.code != .fileMissing }

    private var rebuild: Hint {
        let rebuild: Hint = "rebuild it: \(command: "restore --point latest --to \(path)")"
        guard isThere else { return rebuild }
        return "move it away: mv \(ShellText.quoted(path)) \(ShellText.quoted(path + ".damaged")); then \(rebuild)"
    }

    /// Says that an answer is not that of the database.
    public func warn() {
        session.context.warn(
            Warning(.recordNotUsed, "\(words), and this is what they show"), rebuild)
    }

    /// For a command that needs the database itself: what is lost, what is left, and what brings it back.
    public var error: BatchError {
        missing.with(message: words, hint: rebuild)
    }

    private var words: String {
        let left =
            commits.isEmpty
            ? files.count == 1 ? "1 .bak file" : "\(files.count) .bak files"
            : commits.count == 1 ? "1 point in git" : "\(commits.count) points in git"
        if isThere { return "\(path) is not a SQLite database any more; its copies are here: \(left)" }
        return "database \(path) is lost, with its ledger and its undo logs; its copies are here: \(left)"
    }

    /// `verify`: the file is damage, whatever its copies are.
    public func checks() -> ChecksReport {
        let advice = rebuild + "; then: \(command: "verify")"
        return ChecksReport(checks: [.failed("database", BatchError(.corruptDatabase, words, hint: advice))])
    }

    /// `status`: the last batches, and what the copies take.
    public func status() -> StatusReport {
        var report = StatusReport()
        report.lost = error
        report.batches = batches(ListRequest(limit: 5)).batches
        let bytes = files.reduce(Int64(0)) { $0 + DatabaseFile("\(session.backups)/\($1.name)").size }
        report.sizes = [.init(name: ".bak files", bytes: bytes)]
        return report
    }

    /// The oldest first.
    private let commits: [(id: CommitID, message: PointMessage)]
    private let files: [BakManifest]

    /// `points`: the oldest first.
    public func points(limit: Int) -> PointsReport {
        var points = own(commits).map { point($0.id, $0.message) }
        if commits.isEmpty, session.owner == nil { points = files.filter { $0.after != nil }.map(point) }
        return PointsReport(points: Array(points.suffix(limit)), isMore: points.count > limit)
    }

    private func own(_ commits: [(id: CommitID, message: PointMessage)]) -> [(id: CommitID, message: PointMessage)] {
        guard let owner = session.owner else { return commits }
        return commits.filter { $0.message[trailer: "Tenant"] == owner }
    }

    private func point(_ commit: CommitID, _ message: PointMessage) -> PointsReport.Point {
        let file = files.first { $0.name == message.snapshotFile }
        return PointsReport.Point(
            batch: message[trailer: "Batch-Id"].flatMap { BatchID($0) },
            kind: message[trailer: "Kind"].flatMap(PointsReport.Point.Kind.init) ?? .batch,
            copies: RestorePointSummary(
                bak: file?.path, bakKind: file.flatMap { SnapshotKind(rawValue: $0.kind.rawValue) },
                commit: commit.description, status: .complete),
            digest: message[trailer: "State-Digest"].flatMap { Digest(hex: $0) }, createdAt: message.time)
    }

    private func point(_ file: BakManifest) -> PointsReport.Point {
        let batch = BatchID(file.batch)
        return PointsReport.Point(
            batch: batch, kind: batch.flatMap { .init(rawValue: $0.job) } ?? .batch,
            copies: RestorePointSummary(
                bak: file.path, bakKind: SnapshotKind(rawValue: file.kind.rawValue), commit: nil, status: .complete),
            digest: file.after.flatMap { Digest(hex: $0) }, createdAt: Timestamp(ledger: file.createdAt))
    }

    /// `list`: the latest first. What changed nothing left no point, and is not known.
    public func batches(_ request: ListRequest) -> ListReport {
        let undone = Set(
            commits.flatMap { ($0.message[trailer: "Rolls-Back"] ?? "").split { ", ".contains($0) }.map(String.init) })
        var seen: Set<BatchID> = []
        var found: [BatchSummary] = []
        for message in own(commits).reversed().map(\.message) {
            guard let batch = message[trailer: "Batch-Id"].flatMap({ BatchID($0) }), seen.insert(batch).inserted,
                request.job == nil || request.job == batch.job
            else { continue }
            let status = undone.contains("\(batch)") ? .rolledBack : PointText.status(of: message)
            guard request.status == nil || request.status == status else { continue }
            found.append(
                BatchSummary(
                    batch: batch, tenant: message[trailer: "Tenant"], status: status,
                    rows: PointText.rows(of: message), startedAt: message.time, finishedAt: message.time))
        }
        return ListReport(batches: Array(found.prefix(request.limit)), isMore: found.count > request.limit)
    }
}
