internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Restore points as the stores tell of them, without the ledger: by the commits, and where git is lost too, by the `.bak`
/// files.
struct StoredPoints {
    let session: Session

    private var git: GitStore { session.git }

    /// The newest point, of all or of those until then: by the commits, and where git is lost too, by the `.bak` files.
    func point(until moment: Timestamp?, _ name: String) throws(BatchError) -> RestorePoint {
        let commits = (try? git.messages(branch: session.branch)) ?? []
        if let commit = commits.first(where: { $0.message.time <= moment ?? $0.message.time }) {
            return point(named: name, try git.point(commit.id.description))
        }
        let limit = moment?.iso8601
        let file = try? ownFiles().last { $0.after != nil && $0.createdAt <= limit ?? $0.createdAt }
        guard let digest = file?.after.flatMap({ Digest(hex: $0) }) else { throw StoredPoints.unknown(name) }
        return RestorePoint(name: name, commit: nil, digest: digest, bak: RestorePoint.Bak(.after, file?.name))
    }

    /// Nil when nothing of the batch is there.
    func after(_ id: BatchID) -> RestorePoint? {
        if let found = ownPoint(of: id) { return point(named: "\(id)", found) }
        let file = try? ownFiles().last { $0.batch == "\(id)" && $0.after != nil }
        guard let digest = file?.after.flatMap({ Digest(hex: $0) }) else { return nil }
        return RestorePoint(name: "\(id)", commit: nil, digest: digest, bak: RestorePoint.Bak(.after, file?.name))
    }

    /// Nil when nothing of the batch is there.
    func before(_ id: BatchID) -> RestorePoint? {
        var found = ownPoint(of: id)
        // A batch that was stopped and resumed has several points.
        while let point = found, point.message[trailer: "Batch-Id"] == "\(id)" {
            found = point.parent.flatMap { try? git.point($0.description) }
        }
        if let found { return point(named: "\(id)^", found) }
        let file = try? ownFiles().first { $0.batch == "\(id)" }
        guard let digest = file.flatMap({ Digest(hex: $0.before) }) else { return nil }
        return RestorePoint(name: "\(id)^", commit: nil, digest: digest, bak: RestorePoint.Bak(.before, file?.name))
    }

    private func ownPoint(of id: BatchID) -> GitPoint? {
        guard let found = try? git.point("\(id)"), (try? isOwn(found.id)) == true else { return nil }
        return found
    }

    private func ownFiles() throws(BatchError) -> [BakManifest] {
        try BakStore(folder: session.backups).contents().files.filter(session.bakOwner.owns)
    }

    func point(named name: String, _ point: GitPoint) -> RestorePoint {
        RestorePoint(
            name: name, commit: point.id, digest: point.state.digest.combined,
            bak: RestorePoint.Bak(.after, point.message.snapshotFile))
    }

    // MARK: Databases that share a home

    private func isOwn(_ commit: CommitID) throws(BatchError) -> Bool {
        if let known = try? session.ledger.points(where: "commit_id = ?", [.string("\(commit)")]), !known.isEmpty {
            return true
        }
        if try git.isPoint(commit, of: session.branch) { return true }
        // Of a database that was at this path before: the file was emptied or replaced since.
        for former in try HomeRegister(home: session.backups).entries() where former.path == session.path {
            if try git.isPoint(commit, of: former.branch) { return true }
        }
        return false
    }

    /// - Throws: `ERR_UX_UNKNOWN_POINT` when the commit is one of another database.
    func requireOwn(_ commit: CommitID, named name: String) throws(BatchError) {
        if try isOwn(commit) { return }
        let entries = try HomeRegister(home: session.backups).entries().filter { $0.branch != session.branch }
        var owner: String?
        for entry in entries where owner == nil {
            let store = GitStore(path: git.path, tagPrefix: entry.tags)
            if try store.isPoint(commit, of: entry.branch) { owner = entry.path }
        }
        guard let owner else {
            throw BatchError(
                .unknownPoint, "\(name) is not a restore point of \(session.path), but of another branch",
                hint: "see the points: \(command: "points")")
        }
        throw BatchError(
            .unknownPoint, "\(name) is a restore point of \(owner), and not of \(session.path)",
            hint: "restore it from there: \(command: "--db \(owner) restore --point \(name) --to FILE")")
    }

    // MARK: Errors

    static func unknown(_ name: String) -> BatchError {
        BatchError(.unknownPoint, "there is no restore point '\(name)'", hint: "see the points: \(command: "points")")
    }
}
