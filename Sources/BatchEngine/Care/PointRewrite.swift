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
    /// The new states, where they were made anew as databases.
    private(set) var states: [CommitID: StateDigest] = [:]

    init(_ session: Session, _ erasure: GitErasure?, table: String, without keys: Set<RowKey>) {
        self.session = session
        self.erasure = erasure
        self.table = table
        self.keys = keys
    }

    /// - Parameters:
    ///   - histories: as `GitErasure.histories` tells them.
    ///   - hasIndexes: full-text indexes are built from the table. Then every state is made anew as a database: only
    ///     their module can take a row out of them.
    func run(_ histories: [[GitPoint]], hasIndexes: Bool) throws(BatchError) {
        if hasIndexes, let erasure { return try remake(histories, erasure) }
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

    /// Names the new copies in the ledger, and the digests of the new states; the caller's transaction makes it so.
    func note(in ledger: Ledger) throws(BatchError) {
        let lost = Set(self.lost.map(\.id))
        for old in try ledger.points() {
            var point = old
            if let new = point.commit.flatMap({ CommitID($0) }).flatMap({ commits[$0] }) {
                point.commit = new.description
            }
            if let new = point.digest.flatMap({ digests[$0] }) { point.digest = new }
            if let file = files[point.id] {
                point.bak = file.name
                point.bakSHA256 = file.sha256
                if let xxh3 = file.xxh3 { try ledger.note(xxh3: xxh3, ofFile: file.sha256) }
            }
            if lost.contains(point.id) { (point.bak, point.bakKind, point.bakSHA256) = (nil, nil, nil) }
            if point != old { try ledger.save(&point) }
        }
        try ledger.forgetFiles()
        for old in try ledger.batches() {
            var batch = old
            batch.digestBefore = batch.digestBefore.map { digests[$0] ?? $0 }
            batch.digestAfter = batch.digestAfter.map { digests[$0] ?? $0 }
            if batch != old { try ledger.update(batch) }
        }
    }

    /// Says which points have no `.bak` any more.
    var warnings: [Warning] {
        lost.map {
            Warning(
                .notErased,
                "\($0.bak ?? "") was damaged or of an unknown state, and was removed; its point can be restored from git"
            )
        }
    }

    // MARK: With full-text indexes

    /// A state without the rows.
    private struct Made {
        let database: Connection
        let state: DatabaseState
        let commit: CommitID
    }

    private func remake(_ histories: [[GitPoint]], _ erasure: GitErasure) throws(BatchError) {
        try Folder.create(PendingErasure.folder(session))
        let points = try session.ledger.points(where: "status = 'complete'")
        let byCommit = Dictionary(points.compactMap { point in point.commit.map { ($0, point) } }) { _, last in last }
        let scratch = try ScratchFolder(in: session.backups)
        for history in histories {
            let walk = try PointWalk(.git(session.git), in: scratch.file("old.db"))
            var last: Made?
            var base: String?
            for (place, commit) in history.enumerated() {
                let path = scratch.file("new\(place % 2).db")
                for ending in ["", "-journal", "-wal", "-shm"] { Folder.remove(path + ending) }
                let old = try Connection(path: try walk.go(commit: commit.id, target: nil).path)
                old.tolerateUnknownCollations()
                try old.backup(to: try Connection(path: path, mode: .create))
                let database = try Connection(path: path)
                try eraseRows(database)
                let state = DatabaseState(
                    settings: commit.state.settings, objects: commit.state.objects,
                    digest: try StateDigest.compute(database))
                var changes: DifferenceChanges?
                if let last {
                    changes = try DifferenceChanges(
                        from: last.database, last.state.digest, to: database, state.digest)
                }
                var snapshot: String?
                if let point = byCommit[commit.id.description], point.bak != nil, let last, let changes {
                    let file = try writeBak(point, base, last, changes, database, state)
                    files[point.id] = file
                    base = file.name
                    snapshot = "\(file.name) SHA-256:\(file.sha256)"
                }
                var lead: (source: any ChangeSource, before: StateDigest)?
                if let changes, let last { lead = (changes, last.state.digest) }
                let new = try erasure.rewrite(
                    commit, state: state, changes: lead, connection: database, parent: last?.commit, snapshot: snapshot)
                commits[commit.id] = new
                states[commit.id] = state.digest
                digests[commit.state.digest.combined] = state.digest.combined
                last = Made(database: database, state: state, commit: new)
            }
        }
        lost = points.filter { $0.bak != nil && files[$0.id] == nil }
    }

    private func eraseRows(_ database: Connection) throws(BatchError) {
        database.tolerateUnknownCollations()
        try database.execute("PRAGMA synchronous = OFF; PRAGMA secure_delete = ON")
        guard let layout = try SchemaReader(database).layout(named: table) else { return }
        _ = database.fireTriggers(false)
        try TextIndexes(of: layout, on: database).erase(keys) { () throws(BatchError) in
            for key in keys {
                try database.run(
                    "DELETE FROM main.\(layout.quotedName) WHERE \(layout.keyCondition)", key.parameters)
            }
        }
    }

    private func writeBak(
        _ point: PointRecord, _ base: String?, _ last: Made, _ changes: DifferenceChanges, _ database: Connection,
        _ state: DatabaseState
    ) throws(BatchError) -> BakFile {
        let store = BakStore(folder: PendingErasure.folder(session))
        let batch = try session.ledger.names(of: [point.batch])[point.batch]
        let label = BakStore.Label(
            batch: batch?.description ?? "", database: session.branch, ledger: try session.databaseID, base: base,
            time: Timestamp(iso8601: point.createdAt) ?? session.context.now())
        guard point.bakKind == .full else {
            let delta = try store.writeDelta(
                label, changes: changes, before: last.state, after: state, source: database)
            try delta.pending.value()
            return delta.file
        }
        // Without what lies in free pages.
        let full = try store.writeFull(label, from: last.database, before: last.state)
        return try store.complete(full, with: changes, before: last.state, after: state, source: database)
    }

    // MARK: .bak

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

    /// What leads from one state to the next, found by comparing both.
    private struct DifferenceChanges: ChangeSource {
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

    /// As `TableHistory.forEachFile`.
    func forEachFile(
        _ body: (TableLayout, [(key: RowKey, row: [SQLValue])]) throws(BatchError) -> Void
    ) throws(BatchError) {
        try git?.rows.forEachFile(in: histories.flatMap(\.self), body)
    }

    /// Every version of these rows.
    func forEachVersion(
        of keys: Set<RowKey>, _ body: (TableLayout, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        try git?.rows.forEachVersion(of: keys, in: histories.flatMap(\.self)) { (layout, _, row) throws(BatchError) in
            try body(layout, row)
        }
    }

    func rewrite(without keys: Set<RowKey>, hasIndexes: Bool) throws(BatchError) -> PointRewrite {
        let rewrite = PointRewrite(session, git, table: table, without: keys)
        try rewrite.run(histories, hasIndexes: hasIndexes)
        return rewrite
    }

    /// Old commits that can still be read.
    func left(of map: [CommitID: CommitID]) throws(BatchError) -> [CommitID] { try git?.left(of: map) ?? [] }
}
