public import BatchCore
public import BatchLedger
internal import BatchSystem

/// Writes the history of a database anew without certain rows of one table. Nothing refers to the new commits until
/// `publish`, and the old ones are there until `purge`.
public final class GitErasure {
    private let store: GitStore
    private let table: String
    private let repository: GitRepository
    /// The rows of the table, before anything is rewritten.
    public let rows: TableHistory

    /// - Throws: as `GitRepository.init`.
    public init(_ store: GitStore, table: String) throws(BatchError) {
        self.store = store
        self.table = table
        repository = try GitRepository(opening: store.path)
        rows = TableHistory(of: table, in: repository)
    }

    /// The commits of every branch that the database has or had, the oldest of each first.
    /// - Parameters:
    ///   - branch: the one that it has now.
    ///   - commits: those that its ledger knows: a branch with any of them was its own under another name.
    public func histories(branch: String, knowing commits: Set<CommitID>) throws(BatchError) -> [[GitPoint]] {
        var histories: [[GitPoint]] = []
        for name in try repository.refs.names(below: Refs.branch("")) {
            let points = try store.points(branch: name)
            guard name == branch || points.contains(where: { commits.contains($0.id) }) else { continue }
            histories.append(points.reversed())
        }
        return histories
    }

    // MARK: Writing

    /// Writes one commit anew.
    /// - Parameters:
    ///   - parent: the new commit of the one before it.
    ///   - snapshot: the trailer `Snapshot`; nil leaves it as it was.
    public func rewrite(
        _ point: GitPoint, without keys: Set<RowKey>, parent: CommitID?, snapshot: String?
    ) throws(BatchError) -> CommitID {
        let reader = try PointReader(repository, point.id.object)
        let pack = PackWriter(folder: repository.packFolder) { [repository] in repository.holds($0) }
        let (tree, digest) = try tree(reader, without: keys, pack)
        let commit = try pack.add(
            .commit, commitText(reader.message, tree, digest, parent: parent, snapshot: snapshot))
        try pack.finish()
        return CommitID(commit)
    }

    /// Writes one commit anew with the rows of a database.
    /// - Parameters:
    ///   - changes: what leads there from the new commit of the one before; nil: all rows are read.
    ///   - connection: shows the state.
    public func rewrite(
        _ point: GitPoint, state: DatabaseState, changes: (source: any ChangeSource, before: StateDigest)?,
        connection: Connection, parent: CommitID?, snapshot: String?
    ) throws(BatchError) -> CommitID {
        // Packs that were written a moment ago are read from.
        let repository = try GitRepository(opening: store.path)
        let pack = PackWriter(folder: repository.packFolder) { repository.holds($0) }
        let last =
            try changes == nil
            ? nil
            : parent.map { (id) throws(BatchError) in
                try PointReader(repository, id.object)
            }
        let content = PointContent(
            branch: "", tag: nil, message: point.message, state: state,
            rows: changes.map { .changes($0.source, before: $0.before) } ?? .all, tenantColumn: point.tenantColumn)
        let tree = try PointWriter(repository, pack, content, last: last).write(connection)
        let commit = try pack.add(
            .commit, commitText(point.message, tree, state.digest, parent: parent, snapshot: snapshot))
        try pack.finish()
        return CommitID(commit)
    }

    private func commitText(
        _ old: PointMessage, _ tree: ObjectID, _ digest: StateDigest, parent: CommitID?, snapshot: String?
    ) -> [UInt8] {
        let trailers = old.trailers.map { trailer in
            switch trailer.key {
            case "State-Digest": PointMessage.Trailer(trailer.key, digest.combined.description)
            case "Snapshot": PointMessage.Trailer(trailer.key, snapshot ?? trailer.value)
            default: trailer
            }
        }
        let message = PointMessage(
            subject: old.subject, body: old.body, trailers: trailers, author: old.author, time: old.time)
        return Array(GitStore.commitText(message, tree: tree, parent: parent?.object).utf8)
    }

    /// The state digest of a point without these rows.
    public func digest(of point: GitPoint, without keys: Set<RowKey>) throws(BatchError) -> StateDigest {
        point.state.digest.without(try rows.find(keys, in: point.id, point.state).map(\.row), of: table)
    }

    private func tree(
        _ point: PointReader, without keys: Set<RowKey>, _ pack: PackWriter
    ) throws(BatchError) -> (ObjectID, StateDigest) {
        let state = point.manifest.state
        let root = try TreeFolder(point.tree, in: repository)
        let hasUndoLog = root.names.contains(UndoBlockName.kind)
        // It may hold the rows, and is kept for a way back in parts alone.
        root.set(UndoBlockName.kind, nil, isTree: true)
        func unchanged() throws(BatchError) -> (ObjectID, StateDigest) {
            (hasUndoLog ? try root.write(pack) ?? point.tree : point.tree, state.digest)
        }
        guard let layout = try SchemaModel(state).layout(table) else { return try unchanged() }
        let rows = try rows.find(keys, in: CommitID(point.id), state)
        if rows.isEmpty { return try unchanged() }
        let digest = state.digest.without(rows.map(\.row), of: table)
        let smaller = DatabaseState(settings: state.settings, objects: state.objects, digest: digest)
        let manifest = PointManifest(state: smaller, tenantColumn: point.manifest.tenantColumn)
        let content = PointContent(
            branch: "", tag: nil, message: point.message, state: smaller, rows: .all,
            tenantColumn: point.manifest.tenantColumn)
        let shards = TableShards(layout, root: root, repository: repository, pack: pack, content: content)
        for (key, row) in rows { try shards.apply(RowChange(key: key, before: row, after: nil)) }
        try shards.finish()
        root.set("manifest.json", try pack.add(.blob, Array(manifest.text.utf8)), isTree: false)
        guard let tree = try root.write(pack) else { throw GitRepository.corrupt(point.tree, .tree, "came out empty") }
        return (tree, digest)
    }

    // MARK: Taking effect

    /// Moves every branch and every tag that names an old commit to the new one.
    /// - Throws: whatever keeps one from being read or moved: an erasure must not overlook any.
    public func publish(_ map: [CommitID: CommitID]) throws(BatchError) {
        for name in try repository.refs.names(below: "") {
            guard let old = try repository.refs.target(name), let commit = try GitErasure.commit(old, in: store.path),
                let new = map[CommitID(commit)], new.object != commit
            else { continue }
            var target = new.object
            if old != commit {
                let message = try PointReader(repository, new.object).message
                let pack = PackWriter(folder: repository.packFolder) { [repository] in repository.holds($0) }
                let tag = name.hasPrefix(Refs.tag("")) ? String(name.dropFirst(Refs.tag("").count)) : name
                target = try pack.add(.tag, GitStore.tagText(message, name: tag, commit: new.object))
                try pack.finish()
            }
            try repository.refs.move(Refs.Move(name: name, target: target, before: .exactly(old)))
        }
    }

    /// The commit behind a reference; nil when what it names was lost before: then it leads to no row either.
    private static func commit(_ start: ObjectID, in path: String) throws(BatchError) -> ObjectID? {
        // Opened anew: what could not be found a moment ago, for want of a descriptor, is looked for again.
        for isLast in [false, true] {
            do throws(BatchError) {
                let repository = try GitRepository(opening: path)
                var id = start
                for _ in 0..<8 {
                    let (kind, content) = try repository.read(id)
                    if kind == .commit { return id }
                    let text = String(decoding: content.prefix(47), as: UTF8.self)
                    guard kind == .tag, text.hasPrefix("object "), let next = ObjectID(hex: text.dropFirst(7)) else {
                        return nil
                    }
                    id = next
                }
                return nil
            } catch {
                guard error.code == .corruptRecord else { throw error }
                if isLast { return nil }
            }
        }
        return nil
    }

    /// Removes every object that no branch and no tag leads to, and all that could lead to one.
    public func purge() throws(BatchError) {
        let repository = try GitRepository(opening: store.path)
        var wanted: Set<ObjectID> = []
        for name in try repository.refs.names(below: "") {
            guard let id = try repository.refs.target(name), try GitErasure.commit(id, in: store.path) != nil else {
                continue
            }
            try GitErasure.mark(id, repository, &wanted)
        }
        _ = try GitStore.merge(repository, keeping: wanted)
        for name in try Folder.names(in: store.path + "/objects") where name.utf8.count == 2 {
            try Folder.removeAll(store.path + "/objects/" + name)
        }
        for name in ["logs", "objects/info/commit-graphs"] { try Folder.removeAll(store.path + "/" + name) }
        for name in ["objects/info/commit-graph", "ORIG_HEAD", "FETCH_HEAD"] { Folder.remove(store.path + "/" + name) }
    }

    /// Old commits that can still be read, after `purge`: a reference that nobody knew of leads to them.
    public func left(of map: [CommitID: CommitID]) throws(BatchError) -> [CommitID] {
        let repository = try GitRepository(opening: store.path)
        return map.filter { $0.key != $0.value && repository.holds($0.key.object) }.map(\.key)
    }

    private static func mark(
        _ start: ObjectID, _ repository: GitRepository, _ wanted: inout Set<ObjectID>
    ) throws(BatchError) {
        var queue = [start]
        while let id = queue.popLast() {
            guard wanted.insert(id).inserted else { continue }
            let (kind, content) = try repository.read(id)
            switch kind {
            case .blob: break
            case .tree:
                for entry in try TreeEntry.decode(content, of: id) {
                    // A file needs no look inside.
                    if entry.isTree { queue.append(entry.id) } else { wanted.insert(entry.id) }
                }
            default:
                let lines = String(decoding: content, as: UTF8.self).split(separator: "\n").prefix { !$0.isEmpty }
                for line in lines {
                    for key in ["tree ", "parent ", "object "] where line.hasPrefix(key) {
                        if let next = ObjectID(hex: line.dropFirst(key.utf8.count)) { queue.append(next) }
                    }
                }
            }
        }
    }
}

extension StateDigest {
    fileprivate func without(_ rows: [[SQLValue]], of table: String) -> StateDigest {
        var state = self
        for row in rows {
            state.tables[table, default: TableDigest()] -= TableDigest(digest: RowCodec.hash(row), rows: 1)
        }
        return state
    }
}
