internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Rechecks both copies of restore points.
struct PointVerification {
    let session: Session
    let points: [PointRecord]
    let batches: [Int64: BatchID]
    let isFast: Bool

    init(session: Session, points: [PointRecord], batches: [BatchRecord], isFast: Bool) {
        self.session = session
        self.points = points
        self.batches = Dictionary(batches.map { ($0.seq, $0.batch) }) { first, _ in first }
        self.isFast = isFast
    }

    func checks() throws(BatchError) -> [Check] {
        var checks: [Check] = []
        for point in points where point.status == .pending {
            checks.append(
                .warning(
                    "restore point", "that of \(name(point)) is not written yet", code: .pendingPoint,
                    advice: "nothing to do: the next command that writes completes it"))
        }
        return checks + (try bakChecks()) + gitChecks()
    }

    private var complete: [PointRecord] { points.filter { $0.status == .complete } }

    private func name(_ point: PointRecord) -> String {
        batches[point.batch]?.description ?? "\(point.kind.rawValue) of \(point.createdAt)"
    }

    // MARK: .bak

    private func bakChecks() throws(BatchError) -> [Check] {
        let expected = complete.filter { $0.bak != nil }
        guard !expected.isEmpty else { return [] }
        let store = BakStore(folder: session.backups)
        let manifests = Folder.exists(session.backups) ? try store.contents().files : []
        var failed: [Check] = []
        var usable: [BakManifest] = []
        var faults: [Int64: String] = [:]
        for point in expected {
            faults[point.id] = try fault(point, manifests)
            if faults[point.id] == nil, let file = manifests.first(where: { $0.name == point.bak }) {
                usable.append(file)
            }
        }
        let reach = BakReach(usable)
        for point in expected {
            let isReached = point.digest.map(reach.leads) ?? false
            guard let what = faults[point.id] ?? (isReached ? nil : "cannot be used: no chain of files leads to it")
            else { continue }
            let damage = BatchError(
                .corruptRecord, "\(point.bak ?? "") of \(name(point)) \(what)",
                hint: "restore this point from git: \(command: "restore --point \(name(point)) --source git --to FILE")"
            )
            failed.append(.failed(".bak", damage))
        }
        let how = isFast ? "all there" : "all there, with the recorded SHA-256"
        return failed.isEmpty ? [.passed(".bak", "\(Counted.text(expected.count, "file")), \(how)")] : failed
    }

    /// What is wrong with the file; nil when nothing is.
    private func fault(_ point: PointRecord, _ manifests: [BakManifest]) throws(BatchError) -> String? {
        let path = "\(session.backups)/\(point.bak ?? "")"
        guard Folder.exists(path) else { return "is missing" }
        if !isFast {
            do throws(BatchError) {
                let hash = try SHA256.hex(ofFile: path)
                if hash != point.bakSHA256 { return "was changed: its SHA-256 is not the recorded one" }
            } catch { return "cannot be read: \(error.message)" }
        }
        guard let manifest = manifests.first(where: { $0.path == path }) else { return "has no readable manifest" }
        let batch = batches[point.batch]?.description
        if let batch, manifest.batch != batch { return "says that it is of \(manifest.batch)" }
        if manifest.kind.rawValue != point.bakKind?.rawValue { return "says that it is \(manifest.kind.rawValue)" }
        if manifest.after != point.digest?.description { return "leads to another state than was recorded" }
        return nil
    }

    // MARK: git

    private func gitChecks() -> [Check] {
        let expected = complete.filter { $0.commit != nil }
        guard !expected.isEmpty else { return [] }
        let commits = expected.compactMap { $0.commit.flatMap { CommitID($0) } }
        var damage: [CommitID: BatchError] = [:]
        if !isFast {
            do throws(BatchError) {
                damage = try session.git.damage(in: commits)
            } catch { return [.failed("git", lost(error.message, nil))] }
        }
        var failed: [Check] = []
        for point in expected {
            let what: String?
            if let error = point.commit.flatMap({ CommitID($0) }).flatMap({ damage[$0] }) {
                what = error.message
            } else {
                what = fault(point)
            }
            if let what { failed.append(.failed("git", lost("\(name(point)): \(what)", point))) }
        }
        let how = isFast ? "all there" : "all there, with every object whole"
        return failed.isEmpty ? [.passed("git", "\(Counted.text(expected.count, "commit")), \(how)")] : failed
    }

    private func lost(_ message: String, _ point: PointRecord?) -> BatchError {
        let hint: Hint
        if let point {
            hint =
                "restore this point from its .bak: \(command: "restore --point \(name(point)) --source bak --to FILE")"
        } else {
            hint = "try the .bak files: \(command: "restore --point POINT --source bak --to FILE")"
        }
        return BatchError(.corruptRecord, message, hint: hint)
    }

    /// What is wrong with the commit; nil when nothing is.
    private func fault(_ point: PointRecord) -> String? {
        let commit = point.commit ?? ""
        do throws(BatchError) {
            let found = try session.git.point(commit)
            guard found.message[trailer: "State-Digest"] == point.digest?.description,
                found.state.digest.combined == point.digest
            else { return "commit \(commit.prefix(10)) has another state digest than was recorded" }
            return try tagFault(point, found)
        } catch { return error.message }
    }

    /// Only a batch that ended well bears a tag, and then its last point.
    private func tagFault(_ point: PointRecord, _ found: GitPoint) throws(BatchError) -> String? {
        guard let batch = batches[point.batch], let record = try session.ledger.batch(batch),
            record.status == .committed, points.last(where: { $0.batch == point.batch }) == point
        else { return nil }
        // Points of version 0.1 may bear tags without a prefix.
        let tags = [session.home.tags + "\(batch)", Home.standardTags + "\(batch)"]
        let tagged = tags.compactMap { try? session.git.point($0).id }
        if tagged.contains(found.id) { return nil }
        return tagged.isEmpty ? "its tag \(tags[0]) is missing" : "its tag \(tags[0]) names another commit"
    }
}
