internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Writes every restore point of a database anew without certain rows: commits into the repository, `.bak` files into a
/// folder beside the old ones. Nothing takes effect yet.
final class PointRewrite {
    /// What becomes of a file.
    struct File {
        let name: String
        let sha256: String
    }

    private let session: Session
    private let erasure: GitErasure
    private let keys: Set<RowKey>
    private let folder: String
    private let scratch: ScratchFolder
    private(set) var commits: [CommitID: CommitID] = [:]
    /// New state digests by the old ones.
    private(set) var digests: [Digest: Digest] = [:]
    /// By the id of the point.
    private(set) var files: [Int64: File] = [:]

    init(_ session: Session, _ erasure: GitErasure, _ keys: Set<RowKey>) throws(BatchError) {
        self.session = session
        self.erasure = erasure
        self.keys = keys
        folder = PendingErasure.folder(session)
        try Folder.create(folder)
        scratch = try ScratchFolder(in: session.backups)
    }

    func run() throws(BatchError) {
        let points = try session.ledger.points(where: "status = 'complete'")
        let batches = Dictionary(try session.ledger.batches().map { ($0.seq, $0.batch.description) }) { one, _ in one }
        var base: String?
        var parent: CommitID?
        for commit in try erasure.commits() {
            let point = points.first { $0.commit == commit.id.description }
            var new = try erasure.rewrite(commit, without: keys, parent: parent, snapshot: nil)
            if let point, point.bak != nil, let parent, let batch = batches[point.batch] {
                let file = try rebuild(point, batch, base: base, from: parent, to: new.new)
                files[point.id] = file
                base = file.name
                new = try erasure.rewrite(
                    commit, without: keys, parent: parent, snapshot: "\(file.name) SHA-256:\(file.sha256)")
            }
            commits[commit.id] = new.new
            digests[new.before] = new.after
            parent = new.new
        }
    }

    private func rebuild(
        _ point: PointRecord, _ batch: String, base: String?, from old: CommitID, to new: CommitID
    ) throws(BatchError) -> File {
        let (first, second) = (scratch.file("before.db"), scratch.file("after.db"))
        for path in [first, second] { Folder.remove(path) }
        _ = try session.git.restore(old, to: first)
        _ = try session.git.restore(new, to: second)
        let (before, after) = (try Connection(path: first), try Connection(path: second))
        for connection in [before, after] { connection.tolerateUnknownCollations() }
        let states = (try DatabaseState.read(before), try DatabaseState.read(after))
        let changes = try DifferenceChanges(from: before, states.0.digest, to: after, states.1.digest)
        let store = BakStore(folder: folder)
        let label = BakStore.Label(
            batch: batch, database: session.branch, base: base,
            time: Timestamp(iso8601: point.createdAt) ?? session.context.now())
        let written: BakFile
        if point.bakKind == .full {
            let full = try store.writeFull(label, from: before, before: states.0)
            written = try store.complete(
                full, with: changes, before: states.0, after: states.1, source: after)
        } else {
            let delta = try store.writeDelta(
                label, changes: changes, before: states.0, after: states.1, source: after)
            try delta.pending.settle()
            written = delta.file
        }
        return File(name: written.name, sha256: written.sha256)
    }
}

/// What leads from one rebuilt database to another, for a `.bak`.
struct DifferenceChanges: ChangeSource {
    private let difference: DatabaseDifference
    let tables: [ChangedTable]

    init(
        from old: Connection, _ before: StateDigest, to new: Connection, _ after: StateDigest
    ) throws(BatchError) {
        difference = DatabaseDifference(old: old, new: new)
        tables = try difference.tables().filter { table in
            table.before?.sql != table.after?.sql || before.tables[table.name] != after.tables[table.name]
        }.map { table in
            let isSame = table.before.map { before in table.after?.holdsSameRows(as: before) ?? false } ?? false
            return ChangedTable(before: table.before, after: table.after, isRewritten: !isSame)
        }
    }

    func forEachChange(
        of table: ChangedTable, _ body: (RowChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        if table.isRewritten { return }
        try difference.forEachChange(of: .init(before: table.before, after: table.after), body)
    }
}
