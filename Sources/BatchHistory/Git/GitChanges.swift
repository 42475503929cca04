public import BatchCore
public import BatchLedger

/// What a restore point did, read from its commit and the one before it: only folders and files that differ are read.
public final class GitChanges: NetChanges {
    private let repository: GitRepository
    private let old: PointReader
    private let new: PointReader
    private let models: (before: SchemaModel, after: SchemaModel)

    init(_ repository: GitRepository, from old: PointReader, to new: PointReader) throws(BatchError) {
        self.repository = repository
        self.old = old
        self.new = new
        models = (try SchemaModel(old.manifest.state), try SchemaModel(new.manifest.state))
    }

    public var before: (objects: [SchemaObject], digest: StateDigest) {
        (old.manifest.state.objects + old.manifest.state.settings.objects, old.manifest.state.digest)
    }

    public var after: (objects: [SchemaObject], digest: StateDigest) {
        (new.manifest.state.objects + new.manifest.state.settings.objects, new.manifest.state.digest)
    }

    public func layout(of table: String, isAfter: Bool) throws(BatchError) -> TableLayout? {
        (isAfter ? models.after : models.before).layout(table)
    }

    public func touches(_ table: String) throws(BatchError) -> Bool {
        try trees(of: table, in: old) != trees(of: table, in: new)
    }

    public func forEachRow(
        of table: String, isAfter: Bool, _ body: (RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        guard let layout = try layout(of: table, isAfter: isAfter) else { return }
        let point = isAfter ? new : old
        let walk = walk(layout, point)
        for tree in try trees(of: table, in: point) {
            try walk.forEachRow(of: tree.id) { (rowid, line) throws(BatchError) in
                try body(walk.format.key(rowid: rowid, line), walk.format.stored(rowid: rowid, line))
            }
        }
    }

    public func forEachChange(
        of table: String, _ body: (NetChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        let isWhole = models.after.layout(table)?.key == .rowid(alias: nil)
        try forEachRowChange(of: table) { (change) throws(BatchError) in
            if let change = NetChange(change, isWhole: isWhole) { try body(change) }
        }
    }

    /// The rows that differ, whole.
    func forEachRowChange(
        of table: String, _ body: (RowChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        guard let layout = models.after.layout(table) else { return }
        let (gone, fresh) = try differing(table)
        let was = try rows(in: gone, walk(layout, old))
        let now = try rows(in: fresh, walk(layout, new))
        for key in Set(was.keys).union(now.keys).sorted(by: { $0.order < $1.order }) {
            if was[key] != now[key] { try body(RowChange(key: key, before: was[key], after: now[key])) }
        }
    }

    // MARK: Reading

    /// Part of a table: a folder or a file of rows. Equal parts have equal ids, wherever they lie.
    private struct Part: Hashable {
        let id: ObjectID
        let isTree: Bool
    }

    private func trees(of table: String, in point: PointReader) throws(BatchError) -> [Part] {
        let root = try TreeFolder(point.tree, in: repository)
        return try TableShards.folders(in: root).compactMap { $0.id(PathName.table(table)) }
            .map { Part(id: $0, isTree: true) }
    }

    /// The files of rows that one of the two points has and the other one has not.
    private func differing(_ table: String) throws(BatchError) -> (gone: Set<Part>, fresh: Set<Part>) {
        var (gone, fresh) = (Set(try trees(of: table, in: old)), Set(try trees(of: table, in: new)))
        repeat {
            let both = gone.intersection(fresh)
            gone = try expanded(gone.subtracting(both))
            fresh = try expanded(fresh.subtracting(both))
        } while gone.contains(where: \.isTree) || fresh.contains(where: \.isTree)
        let both = gone.intersection(fresh)
        return (gone.subtracting(both), fresh.subtracting(both))
    }

    /// What lies in the folders, and the files as they are.
    private func expanded(_ parts: Set<Part>) throws(BatchError) -> Set<Part> {
        var found: Set<Part> = []
        for part in parts {
            guard part.isTree else {
                found.insert(part)
                continue
            }
            let entries = try TreeEntry.decode(try repository.read(part.id, .tree), of: part.id)
            for entry in entries where !entry.name.hasSuffix(ShardStore.filesSuffix) {
                found.insert(Part(id: entry.id, isTree: entry.isTree))
            }
        }
        return found
    }

    private func walk(_ layout: TableLayout, _ point: PointReader) -> ShardWalk {
        ShardWalk(
            repository: repository, format: LineFormat(layout), isUTF16: point.manifest.state.settings.isUTF16)
    }

    private func rows(in parts: Set<Part>, _ walk: ShardWalk) throws(BatchError) -> [RowKey: [SQLValue]] {
        var rows: [RowKey: [SQLValue]] = [:]
        for part in parts {
            try walk.forEachRow(in: try repository.read(part.id, .blob)) { (rowid, line) throws(BatchError) in
                rows[walk.format.key(rowid: rowid, line)] = walk.format.stored(rowid: rowid, line)
            }
        }
        return rows
    }
}

extension GitChanges {
    /// The tables of the new point whose rows are not those of the digest that is recorded there.
    ///
    /// A table that the old point has as well is followed from its digest there, by the files that differ: to check all
    /// points costs the first one and the changes.
    /// - Parameter distrusted: tables of which the old point has other rows than it says; they are read whole.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when an object that is needed is missing or damaged.
    func wrongTables(distrusting distrusted: Set<String>) throws(BatchError) -> [String] {
        var wrong: [String] = []
        for (name, recorded) in new.manifest.state.digest.tables {
            guard let layout = models.after.layout(name), layout.role != .system else { continue }
            if try digest(layout, isWhole: distrusted.contains(name)) != recorded { wrong.append(name) }
        }
        return wrong.sorted()
    }

    private func digest(_ layout: TableLayout, isWhole: Bool) throws(BatchError) -> TableDigest {
        let (was, now) = (walk(layout, old), walk(layout, new))
        // Where no column holds the number and none is named for it, files of different places may be equal.
        guard !isWhole, let known = old.manifest.state.digest.tables[layout.name],
            models.before.layout(layout.name) == layout,
            was.isUTF16 == now.isUTF16, layout.key != .rowid(alias: nil)
        else {
            var sum = TableDigest()
            for tree in try trees(of: layout.name, in: new) {
                try now.forEachRow(of: tree.id) { sum.add(now.format.stored(rowid: $0, $1)) }
            }
            return sum
        }
        let (gone, fresh) = try differing(layout.name)
        var sum = known
        sum -= try digest(of: gone, was)
        sum += try digest(of: fresh, now)
        return sum
    }

    private func digest(of files: Set<Part>, _ walk: ShardWalk) throws(BatchError) -> TableDigest {
        var sum = TableDigest()
        for file in files {
            try walk.forEachRow(in: try repository.read(file.id, .blob)) {
                sum.add(walk.format.stored(rowid: $0, $1))
            }
        }
        return sum
    }
}

extension TableDigest {
    fileprivate mutating func add(_ row: [SQLValue]) { self += TableDigest(digest: RowCodec.hash(row), rows: 1) }
}

extension GitChanges: UndoBlockCopies {
    public func blocks(of checkpoint: Int) throws(BatchError) -> Int { try folder(of: checkpoint)?.names.count ?? 0 }

    public func block(_ number: Int, of checkpoint: Int) throws(BatchError) -> [UInt8] {
        guard let id = try folder(of: checkpoint)?.id("\(number)") else {
            let name = UndoBlockName.text(checkpoint, number)
            throw GitRepository.corrupt(new.tree, .tree, "has lost undo block \(name)")
        }
        return try repository.read(id, .blob)
    }

    private func folder(of checkpoint: Int) throws(BatchError) -> TreeFolder? {
        try TreeFolder(new.tree, in: repository).folder(UndoBlockName.kind)?.folder("\(checkpoint)")
    }
}

extension GitStore {
    /// What the point of a commit did to the one before it.
    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when there is none before it; `ERR_DATA_CORRUPT_RECORD` when an object that is
    ///   needed is missing or damaged, here or while the changes are read.
    public func changes(of commit: CommitID) throws(BatchError) -> GitChanges {
        let repository = try GitRepository(opening: path)
        let new = try PointReader(repository, commit.object)
        guard let parent = new.parent else {
            throw BatchError(
                .noRestorePoint, "commit \(commit) has none before it",
                hint: "see the points: \(command: "points")")
        }
        return try GitChanges(repository, from: try PointReader(repository, parent), to: new)
    }
}
