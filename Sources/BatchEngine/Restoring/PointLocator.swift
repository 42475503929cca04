public import BatchCore
public import BatchHistory
internal import BatchLedger

/// Finds the restore point that a person means: by the ledger, and where that does not know it, by the stores.
struct PointLocator {
    let session: Session

    private var ledger: Ledger { session.ledger }
    private var git: GitStore { session.git }

    /// - Throws: `ERR_UX_UNKNOWN_POINT`, `ERR_UX_UNKNOWN_BATCH`; `ERR_DATA_NO_RESTORE_POINT` when the batch has none.
    func find(_ reference: PointReference) throws(BatchError) -> RestorePoint {
        switch reference {
        case .after(let id): return try after(id)
        case .before(let id): return try before(id)
        case .revision(let name):
            if JobID.isValid(name), let batch = try? BatchLookup(session).batch(.latest(job: name)) {
                return try after(batch.batch)
            }
            guard git.exists else { throw unknown(name) }
            return point(named: name, try git.point(name))
        }
    }

    // MARK: Sides of a batch

    private func after(_ id: BatchID) throws(BatchError) -> RestorePoint {
        guard let (_, points) = try recorded(id) else { return try storedAfter(id) }
        guard let last = points.last else { throw none(id) }
        return RestorePoint(
            name: "\(id)", commit: last.commit.flatMap { CommitID($0) }, digest: last.digest,
            bak: side(.after, last.bak))
    }

    private func before(_ id: BatchID) throws(BatchError) -> RestorePoint {
        let name = "\(id)^"
        guard let (batch, points) = try recorded(id) else { return try storedBefore(id) }
        guard let first = points.first else { throw none(id) }
        // The point that was written before is the state that the batch began from, whoever made it.
        let parent = try ledger.points(where: "id < ? AND status = 'complete'", [.integer(first.id)]).last
        return RestorePoint(
            name: name, commit: parent?.commit.flatMap { CommitID($0) }, digest: batch.digestBefore ?? parent?.digest,
            bak: side(.before, first.bak) ?? side(.after, parent?.bak))
    }

    private func side(_ side: BakStore.Side, _ file: String?) -> RestorePoint.Bak? {
        file.map { RestorePoint.Bak(file: $0, side: side) }
    }

    /// Nil when the ledger does not know the batch, or cannot be read: a restore is for bad days.
    private func recorded(_ id: BatchID) throws(BatchError) -> (BatchRecord, [PointRecord])? {
        do throws(BatchError) {
            guard try ledger.exists(), let batch = try ledger.batch(id) else { return nil }
            let points = try ledger.points(where: "batch = ? AND status = 'complete'", [.integer(batch.seq)])
            return (batch, points)
        } catch  where error.code.exitCode == .integrityViolation {
            return nil
        }
    }

    // MARK: Without the ledger

    private func storedAfter(_ id: BatchID) throws(BatchError) -> RestorePoint {
        if let found = try? git.point("\(id)") { return point(named: "\(id)", found) }
        let file = try? ownFiles().last { $0.batch == "\(id)" && $0.after != nil }
        guard let digest = file?.after.flatMap({ Digest(hex: $0) }) else { throw try unknown(batch: id) }
        return RestorePoint(name: "\(id)", commit: nil, digest: digest, bak: side(.after, file?.name))
    }

    private func storedBefore(_ id: BatchID) throws(BatchError) -> RestorePoint {
        var found = try? git.point("\(id)")
        // A batch that was stopped and resumed has several points.
        while let point = found, point.message[trailer: "Batch-Id"] == "\(id)" {
            found = point.parent.flatMap { try? git.point($0.description) }
        }
        if let found { return point(named: "\(id)^", found) }
        let file = try? ownFiles().first { $0.batch == "\(id)" }
        guard let digest = file.flatMap({ Digest(hex: $0.before) }) else { throw try unknown(batch: id) }
        return RestorePoint(name: "\(id)^", commit: nil, digest: digest, bak: side(.before, file?.name))
    }

    private func ownFiles() throws(BatchError) -> [BakManifest] {
        try BakStore(folder: session.backups).contents().files.filter(session.bakOwner.owns)
    }

    private func point(named name: String, _ point: GitPoint) -> RestorePoint {
        RestorePoint(
            name: name, commit: point.id, digest: point.state.digest.combined,
            bak: side(.after, point.message.snapshotFile))
    }

    // MARK: Errors

    private func unknown(batch id: BatchID) throws(BatchError) -> BatchError {
        do throws(BatchError) {
            _ = try BatchLookup(session).batch(.batch(id))
            return none(id)
        } catch { return error }
    }

    private func unknown(_ name: String) -> BatchError {
        BatchError(.unknownPoint, "there is no restore point '\(name)'", hint: "see the points: \(command: "points")")
    }

    private func none(_ id: BatchID) -> BatchError {
        BatchError(
            .noRestorePoint, "batch \(id) has no complete restore point",
            hint: "see which there are: \(command: "points")")
    }
}

/// A state of the database that was recorded, and where its copies are.
public struct RestorePoint: Hashable, Sendable {
    /// As a person would name it.
    public let name: String
    /// Nil when git has no such point, or is not there.
    public let commit: CommitID?
    /// The state digest as recorded; nil when no record of it is left.
    public let digest: Digest?
    /// The name of a `.bak` that has it, and on which side; nil when none is known.
    let bak: Bak?

    struct Bak: Hashable {
        let file: String
        let side: BakStore.Side
    }

    init(name: String, commit: CommitID?, digest: Digest?, bak: Bak? = nil) {
        self.name = name
        self.commit = commit
        self.digest = digest
        self.bak = bak
    }
}
