internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Writes every restore point of a database anew without certain rows: commits into the repository, `.bak` files into a
/// folder beside the old ones. Nothing takes effect yet.
final class PointRewrite {
    private let session: Session
    private let erasure: GitErasure?
    private let table: String
    private let keys: Set<RowKey>
    private(set) var commits: [CommitID: CommitID] = [:]
    /// New state digests by the old ones.
    private(set) var digests: [Digest: Digest] = [:]
    /// The new `.bak`, by the id of the point.
    private(set) var files: [Int64: BakFile] = [:]
    /// Points whose `.bak` cannot be written anew, and goes.
    private(set) var lost: [PointRecord] = []

    init(_ session: Session, _ erasure: GitErasure?, table: String, without keys: Set<RowKey>) {
        self.session = session
        self.erasure = erasure
        self.table = table
        self.keys = keys
    }

    /// - Parameter histories: as `GitErasure.histories` tells them.
    func run(_ histories: [[GitPoint]]) throws(BatchError) {
        let folder = PendingErasure.folder(session)
        try Folder.create(folder)
        let points = try session.ledger.points(where: "status = 'complete'")
        let byCommit = Dictionary(points.compactMap { point in point.commit.map { ($0, point) } }) { _, last in last }
        let all = histories.flatMap(\.self)
        var states: [Digest: StateDigest] = [:]
        for commit in all { states[commit.state.digest.combined] = try erasure?.digest(of: commit, without: keys) }
        digests = states.mapValues(\.combined)
        let files = BakErasure(
            BakStore(folder: session.backups), into: folder, table: table, without: keys, states: states)
        for point in points where point.bak != nil { try rewrite(point, files) }
        guard let erasure else { return }
        for history in histories {
            var parent: CommitID?
            for commit in history {
                let file = byCommit[commit.id.description].flatMap { self.files[$0.id] }
                let new = try erasure.rewrite(
                    commit, without: keys, parent: parent,
                    snapshot: file.map { "\($0.name) SHA-256:\($0.sha256)" })
                commits[commit.id] = new
                parent = new
            }
        }
    }

    private func rewrite(_ point: PointRecord, _ files: BakErasure) throws(BatchError) {
        do throws(BatchError) {
            if let file = try files.rewrite(point.bak ?? "", sha256: point.bakSHA256) {
                self.files[point.id] = file
                return
            }
        } catch {
            // A damaged file holds the rows as well as a whole one.
            guard error.code == .corruptRecord else { throw error }
        }
        lost.append(point)
    }
}

/// The commits of a database, read for the rows of one table that are to be erased.
struct ErasedHistory {
    private let session: Session
    private let table: String
    private let git: GitErasure?
    private let histories: [[GitPoint]]

    init(_ session: Session, table: String) throws(BatchError) {
        self.session = session
        self.table = table
        guard session.git.exists else {
            git = nil
            histories = []
            return
        }
        let git = try GitErasure(session.git, table: table)
        let known = try session.ledger.points(where: "commit_id IS NOT NULL").compactMap(\.commit)
        histories = try git.histories(branch: session.branch, knowing: Set(known.compactMap { CommitID($0) }))
        self.git = git
    }

    /// As `GitErasure.forEachFile`.
    func forEachFile(
        _ body: (TableLayout, [(key: RowKey, row: [SQLValue])]) throws(BatchError) -> Void
    ) throws(BatchError) {
        try git?.forEachFile(in: histories.flatMap(\.self), body)
    }

    /// Every version of these rows.
    func forEachVersion(
        of keys: Set<RowKey>, _ body: (TableLayout, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        try git?.forEachVersion(of: keys, in: histories.flatMap(\.self)) { (layout, _, row) throws(BatchError) in
            try body(layout, row)
        }
    }

    func rewrite(without keys: Set<RowKey>) throws(BatchError) -> PointRewrite {
        let rewrite = PointRewrite(session, git, table: table, without: keys)
        try rewrite.run(histories)
        return rewrite
    }

    /// Old commits that can still be read.
    func left(of map: [CommitID: CommitID]) throws(BatchError) -> [CommitID] { try git?.left(of: map) ?? [] }
}
