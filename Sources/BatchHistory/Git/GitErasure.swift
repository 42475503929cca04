public import BatchCore
public import BatchLedger

/// Writes the history of a database anew without certain rows of one table. Nothing refers to the new commits until
/// `publish`, and the old ones are there until `purge`.
public final class GitErasure {
    public struct Rewritten: Sendable {
        public let old: CommitID
        public let new: CommitID
        public let before: Digest
        public let after: Digest
    }

    private let store: GitStore
    private let branch: String
    private let table: String
    /// The rows of a table by the tree or file that holds them: points share most of these.
    private var known: [ObjectID: [(key: RowKey, row: [SQLValue])]] = [:]
    private var keys: Set<RowKey> = []

    public init(_ store: GitStore, branch: String, table: String) {
        self.store = store
        self.branch = branch
        self.table = table
    }

    /// All commits of the branch, the oldest first.
    public func commits() throws(BatchError) -> [GitPoint] { try store.points(branch: branch).reversed() }

    // MARK: Finding

    /// Calls `body` with every version of every row of the table that a commit holds, each file once.
    public func forEachVersion(
        _ body: (TableLayout, RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        let repository = try GitRepository(opening: store.path)
        var seen: Set<ObjectID> = []
        for point in try commits() {
            let reader = try PointReader(repository, point.id.object)
            guard let layout = try SchemaModel(reader.manifest.state).layout(table) else { continue }
            let walk = self.walk(reader, layout, repository)
            for tree in try trees(reader, repository) {
                try visit(tree, isTree: true, repository, &seen) { (file) throws(BatchError) in
                    try walk.forEachRow(in: try repository.read(file, .blob)) { (rowid, line) throws(BatchError) in
                        try body(layout, walk.format.key(rowid: rowid, line), walk.format.stored(rowid: rowid, line))
                    }
                }
            }
        }
    }

    private func visit(
        _ id: ObjectID, isTree: Bool, _ repository: GitRepository, _ seen: inout Set<ObjectID>,
        _ body: (ObjectID) throws(BatchError) -> Void
    ) throws(BatchError) {
        guard seen.insert(id).inserted else { return }
        guard isTree else { return try body(id) }
        for entry in try TreeEntry.decode(try repository.read(id, .tree), of: id)
        where !entry.name.hasSuffix(ShardStore.filesSuffix) {
            try visit(entry.id, isTree: entry.isTree, repository, &seen, body)
        }
    }

    private func walk(_ point: PointReader, _ layout: TableLayout, _ repository: GitRepository) -> ShardWalk {
        ShardWalk(
            repository: repository, format: LineFormat(layout), isUTF16: point.manifest.state.settings.isUTF16)
    }

    private func trees(_ point: PointReader, _ repository: GitRepository) throws(BatchError) -> [ObjectID] {
        try TableShards.folders(in: try TreeFolder(point.tree, in: repository)).compactMap {
            $0.id(PathName.table(table))
        }
    }

    private func found(
        in id: ObjectID, isTree: Bool, _ walk: ShardWalk
    ) throws(BatchError) -> [(key: RowKey, row: [SQLValue])] {
        if let rows = known[id] { return rows }
        var rows: [(key: RowKey, row: [SQLValue])] = []
        if isTree {
            for entry in try TreeEntry.decode(try walk.repository.read(id, .tree), of: id)
            where !entry.name.hasSuffix(ShardStore.filesSuffix) {
                rows += try found(in: entry.id, isTree: entry.isTree, walk)
            }
        } else {
            try walk.forEachRow(in: try walk.repository.read(id, .blob)) { (rowid, line) in
                let key = walk.format.key(rowid: rowid, line)
                if keys.contains(key) { rows.append((key, walk.format.stored(rowid: rowid, line))) }
            }
        }
        known[id] = rows
        return rows
    }

    // MARK: Writing

    /// Writes one commit anew.
    /// - Parameters:
    ///   - parent: the new commit of the one before it.
    ///   - snapshot: the trailer `Snapshot`; nil leaves it as it was.
    public func rewrite(
        _ point: GitPoint, without keys: Set<RowKey>, parent: CommitID?, snapshot: String?
    ) throws(BatchError) -> Rewritten {
        if self.keys != keys { known = [:] }
        self.keys = keys
        let repository = try GitRepository(opening: store.path)
        let reader = try PointReader(repository, point.id.object)
        let pack = PackWriter(folder: repository.packFolder) { repository.holds($0) }
        let (tree, digest) = try tree(reader, repository, pack)
        let trailers = reader.message.trailers.map { trailer in
            switch trailer.key {
            case "State-Digest": PointMessage.Trailer(trailer.key, digest.combined.description)
            case "Snapshot": PointMessage.Trailer(trailer.key, snapshot ?? trailer.value)
            default: trailer
            }
        }
        let message = PointMessage(
            subject: reader.message.subject, body: reader.message.body, trailers: trailers,
            author: reader.message.author, time: reader.message.time)
        let text = GitStore.commitText(message, tree: tree, parent: parent?.object)
        let commit = try pack.add(.commit, Array(text.utf8))
        try pack.finish()
        return Rewritten(
            old: point.id, new: CommitID(commit), before: reader.manifest.state.digest.combined, after: digest.combined)
    }

    private func tree(
        _ point: PointReader, _ repository: GitRepository, _ pack: PackWriter
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
        let walk = self.walk(point, layout, repository)
        var rows: [(key: RowKey, row: [SQLValue])] = []
        for tree in try trees(point, repository) { rows += try found(in: tree, isTree: true, walk) }
        if rows.isEmpty { return try unchanged() }
        var digest = state.digest
        for (_, row) in rows {
            digest.tables[table, default: TableDigest()] -= TableDigest(digest: RowCodec.hash(row), rows: 1)
        }
        let smaller = DatabaseState(settings: state.settings, objects: state.objects, digest: digest)
        let manifest = PointManifest(state: smaller, tenantColumn: point.manifest.tenantColumn)
        let content = PointContent(
            branch: branch, tag: nil, message: point.message, state: smaller, rows: .all,
            tenantColumn: point.manifest.tenantColumn)
        let shards = TableShards(layout, root: root, repository: repository, pack: pack, content: content)
        for (key, row) in rows { try shards.apply(RowChange(key: key, before: row, after: nil)) }
        try shards.finish()
        root.set("manifest.json", try pack.add(.blob, Array(manifest.text.utf8)), isTree: false)
        guard let tree = try root.write(pack) else { throw GitRepository.corrupt(point.tree, .tree, "came out empty") }
        return (tree, digest)
    }

    // MARK: Taking effect

    /// Moves the branch and every tag from the old commits to the new ones.
    public func publish(_ map: [CommitID: CommitID]) throws(BatchError) {
        let repository = try GitRepository(opening: store.path)
        for name in try repository.references(Reference.tag("")) {
            let reference = Reference.tag(name)
            guard let old = repository.reference(reference),
                let commit = try? store.point(name).id, let new = map[commit], new != commit
            else { continue }
            var target = new.object
            if old != commit.object {
                let message = try PointReader(repository, new.object).message
                let pack = PackWriter(folder: repository.packFolder) { repository.holds($0) }
                target = try pack.add(.tag, GitStore.tagText(message, name: name, commit: new.object))
                try pack.finish()
            }
            try repository.perform(
                ReferenceMove(name: reference, target: target, from: old, isForced: false))
        }
        let head = Reference.branch(branch)
        guard let tip = repository.reference(head), let new = map[CommitID(tip)] else { return }
        try repository.perform(
            ReferenceMove(name: head, target: new.object, from: tip, isForced: false))
    }

    /// Removes every object that no branch and no tag leads to, and all that could lead to one.
    public func purge() throws(BatchError) {
        let repository = try GitRepository(opening: store.path)
        var wanted: Set<ObjectID> = []
        for name in try repository.references("refs/") {
            guard let id = repository.reference("refs/" + name) else { continue }
            try GitErasure.mark(id, repository, &wanted)
        }
        _ = try GitStore.merge(repository, keeping: wanted)
        for name in try Folder.names(in: store.path + "/objects") where name.utf8.count == 2 {
            try Folder.removeAll(store.path + "/objects/" + name)
        }
        for name in ["logs", "objects/info/commit-graphs"] { try Folder.removeAll(store.path + "/" + name) }
        for name in ["objects/info/commit-graph", "ORIG_HEAD", "FETCH_HEAD"] { Folder.remove(store.path + "/" + name) }
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
