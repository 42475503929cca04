public import BatchCore
internal import BatchSystem

extension GitStore {
    /// True when there is a repository to read.
    public var exists: Bool { Folder.exists(path + "/HEAD") }

    /// The newest point of a database; nil when it has none, or there is no repository.
    public func latest(branch: String) throws(BatchError) -> GitPoint? {
        guard exists else { return nil }
        let repository = try GitRepository(opening: path)
        guard let tip = try repository.refs.target(Refs.branch(branch)) else { return nil }
        return GitPoint(try PointReader(repository, tip))
    }

    /// All points of a database, newest first.
    /// - Parameter limit: how many at most.
    public func points(branch: String, limit: Int = .max) throws(BatchError) -> [GitPoint] {
        guard exists else { return [] }
        let repository = try GitRepository(opening: path)
        var next = try repository.refs.target(Refs.branch(branch))
        var points: [GitPoint] = []
        while let id = next, points.count < limit {
            let reader = try PointReader(repository, id)
            points.append(GitPoint(reader))
            next = reader.parent
        }
        return points
    }

    /// The point of a tag (`batch/reprice.3`), a batch id, a commit, or the first digits of one (at least four).
    /// - Throws: `ERR_UX_UNKNOWN_POINT` when there is none, or the digits fit several.
    public func point(_ name: String) throws(BatchError) -> GitPoint {
        let repository = try GitRepository(opening: path)
        guard let commit = try commit(name, in: repository) else {
            throw BatchError(
                .unknownPoint, "git has no restore point \(name)",
                hint: "see the points there are: \(command: "points")")
        }
        return GitPoint(try PointReader(repository, commit))
    }

    /// True when a commit is in the history of a database: on its branch, or behind one of its tags. In a repository
    /// that several databases share, the others have commits too.
    public func isPoint(_ commit: CommitID, of branch: String) throws(BatchError) -> Bool {
        guard exists else { return false }
        let refs = try GitRepository(opening: path).refs
        if try leads(to: commit.object, from: [Refs.branch(branch)]) { return true }
        return try leads(
            to: commit.object, from: refs.names(below: Refs.tag(tagPrefix)).map { Refs.tag(tagPrefix + $0) })
    }

    /// What cannot be read ends its line of commits: others may lead there.
    private func leads(to commit: ObjectID, from names: [String]) throws(BatchError) -> Bool {
        let repository = try GitRepository(opening: path)
        var seen: Set<ObjectID> = []
        for name in names {
            guard let target = try repository.refs.target(name) else { continue }
            var next = try? GitStore.commit(of: target, in: repository)
            while let id = next, seen.insert(id).inserted {
                if id == commit { return true }
                next = try? CommitHeader(try repository.read(id, .commit), id).parent
            }
        }
        return false
    }

    /// The commits at which branches end, by their names.
    public func tips() throws(BatchError) -> [String: String] {
        guard exists else { return [:] }
        let repository = try GitRepository(opening: path)
        var tips: [String: String] = [:]
        for name in try repository.refs.names(below: Refs.branch("")) {
            tips[name] = try repository.refs.target(Refs.branch(name))?.description
        }
        return tips
    }

    /// Gives the commit of a batch the tag that it should have; nothing when it has it.
    public func tag(_ batch: BatchID, at commit: CommitID) throws(BatchError) {
        let repository = try GitRepository(opening: path)
        let (name, reader) = (tagPrefix + batch.description, try PointReader(repository, commit.object))
        if let target = try repository.refs.target(Refs.tag(name)) {
            guard try GitStore.peeled(target, in: repository) != commit.object else { return }
        }
        let pack = PackWriter(folder: repository.packFolder) { repository.holds($0) }
        let tag = try pack.add(.tag, GitStore.tagText(reader.message, name: name, commit: commit.object))
        try pack.finish()
        try repository.refs.move(.init(name: Refs.tag(name), target: tag, before: .anything))
    }

    /// Makes a branch that ends in this commit; nothing when there is one of this name.
    public func begin(branch: String, at commit: CommitID) throws(BatchError) {
        let refs = try GitRepository(opening: path).refs
        guard try refs.target(Refs.branch(branch)) == nil else { return }
        try refs.move(.init(name: Refs.branch(branch), target: commit.object, before: .nothing))
    }

    /// Names of tags by the commit that they name.
    /// - Parameter hidden: names that begin like this are left out, and not read.
    public func tags(except hidden: String) throws(BatchError) -> [CommitID: [String]] {
        guard exists else { return [:] }
        let repository = try GitRepository(opening: path)
        var tags: [CommitID: [String]] = [:]
        for name in try repository.refs.names(below: Refs.tag("")) where !name.hasPrefix(hidden) {
            guard let commit = try? commit(name, in: repository) else { continue }
            tags[CommitID(commit), default: []].append(name)
        }
        return tags
    }

    /// Removes a branch, and the tags of its batches. The objects stay until somebody calls `git gc`.
    public func remove(branch: String) throws(BatchError) {
        guard exists else { return }
        let refs = try GitRepository(opening: path).refs
        try refs.remove(Refs.branch(branch))
        for name in try refs.names(below: Refs.tag(tagPrefix)) { try refs.remove(Refs.tag(tagPrefix + name)) }
        // Other databases may have branches here, and git wants one that there is.
        let head = String(decoding: try DurableFile.read(path + "/HEAD"), as: UTF8.self)
        if head == GitStore.head(branch), let other = try tips().keys.min() {
            try DurableFile.write(Array(GitStore.head(other).utf8), to: path + "/HEAD")
        }
    }

    private static func head(_ branch: String) -> String { "ref: refs/heads/\(branch)\n" }

    /// Those of the commits that can be read themselves; `verify` tells whether all below them can.
    public func present(_ commits: [CommitID]) -> Set<CommitID> {
        guard exists, let repository = try? GitRepository(opening: path) else { return [] }
        return Set(commits.filter { (try? repository.read($0.object, .commit)) != nil })
    }

    private func commit(_ name: String, in repository: GitRepository) throws(BatchError) -> ObjectID? {
        for tag in [name, tagPrefix + name] {
            guard let target = try repository.refs.target(Refs.tag(tag)) else { continue }
            return try GitStore.commit(of: target, in: repository)
        }
        guard let object = repository.object(withPrefix: name) else { return nil }
        return (try? repository.read(object, .commit)) != nil ? object : nil
    }

    /// The commit of a reference. A tag that somebody set by hand may be a plain one.
    private static func commit(of target: ObjectID, in repository: GitRepository) throws(BatchError) -> ObjectID {
        (try? repository.read(target, .commit)) != nil ? target : try peeled(target, in: repository)
    }

    /// An annotated tag names its commit in the first line.
    private static func peeled(_ tag: ObjectID, in repository: GitRepository) throws(BatchError) -> ObjectID {
        let text = String(decoding: try repository.read(tag, .tag).prefix(47), as: UTF8.self)
        guard text.hasPrefix("object "), let commit = ObjectID(hex: text.dropFirst(7)) else {
            throw GitRepository.corrupt(tag, .tag, "is damaged")
        }
        return commit
    }

    // MARK: Verification

    /// Reads every object that the points need, each once; libgit2 checks its SHA-1. The rows of a point that follows
    /// another one have to be those of its digest, too.
    /// - Returns: of each point what is wrong; those in which every object is there and whole are left out.
    public func damage(in commits: [CommitID]) throws(BatchError) -> [CommitID: BatchError] {
        let repository = try GitRepository(opening: path)
        var whole: Set<ObjectID> = []
        var wrong: [ObjectID: [String]] = [:]
        var damage: [CommitID: BatchError] = [:]
        for commit in commits {
            do throws(BatchError) {
                let point = try PointReader(repository, commit.object)
                try GitStore.verify(point.tree, in: repository, whole: &whole)
                // The damage of a point is not that of the next one; rows that are wrong may be.
                guard let parent = point.parent, damage[CommitID(parent)] == nil || wrong[parent] != nil else {
                    continue
                }
                let tables = try GitChanges(repository, from: try PointReader(repository, parent), to: point)
                    .wrongTables(distrusting: Set(wrong[parent] ?? []))
                if tables.isEmpty { continue }
                wrong[point.id] = tables
                throw GitRepository.corrupt(
                    point.id, .commit, "has other rows than its digest says: \(tables.joined(separator: ", "))")
            } catch { damage[commit] = error }
        }
        return damage
    }

    /// Reads every object that the points added to those before them.
    /// - Returns: of each point what is wrong; those in which every object is there and whole are left out.
    public func damage(inChangesOf commits: [CommitID]) throws(BatchError) -> [CommitID: BatchError] {
        let repository = try GitRepository(opening: path)
        var damage: [CommitID: BatchError] = [:]
        for commit in commits {
            do throws(BatchError) {
                let point = try PointReader(repository, commit.object)
                let before = try point.parent.map { (parent) throws(BatchError) in
                    try CommitHeader(try repository.read(parent, .commit), parent).tree
                }
                try GitStore.verify(point.tree, since: before, in: repository)
            } catch { damage[commit] = error }
        }
        return damage
    }

    /// - Parameter before: the tree that stood in its place; what is in both is left out.
    private static func verify(
        _ tree: ObjectID, since before: ObjectID?, in repository: GitRepository, depth: Int = 0
    ) throws(BatchError) {
        if tree == before { return }
        guard depth < deepest else { throw GitRepository.corrupt(tree, .tree, "lies too deep in other folders") }
        let old = try before.map { (id) throws(BatchError) in
            try TreeEntry.decode(try repository.read(id, .tree), of: id)
        }
        let known = Dictionary((old ?? []).map { ($0.name, $0) }) { first, _ in first }
        for entry in try TreeEntry.decode(try repository.read(tree, .tree), of: tree) {
            let was = known[entry.name]
            if was?.id == entry.id { continue }
            if entry.isTree {
                let folder = was.flatMap { $0.isTree ? $0.id : nil }
                try verify(entry.id, since: folder, in: repository, depth: depth + 1)
            } else {
                _ = try repository.read(entry.id, .blob)
            }
        }
    }

    /// No point is half as deep; a stack is not endless.
    private static let deepest = 64

    /// Reads every object that a point needs.
    /// - Returns: how many objects there are.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` with the id of the first that is missing or damaged.
    @discardableResult
    public func verify(_ commit: CommitID) throws(BatchError) -> Int {
        let repository = try GitRepository(opening: path)
        let point = try PointReader(repository, commit.object)
        var whole: Set<ObjectID> = []
        try GitStore.verify(point.tree, in: repository, whole: &whole)
        return 1 + whole.count
    }

    /// - Parameter whole: trees and blobs that are known to be good, with everything below them.
    private static func verify(
        _ tree: ObjectID, in repository: GitRepository, whole: inout Set<ObjectID>, depth: Int = 0
    ) throws(BatchError) {
        if whole.contains(tree) { return }
        guard depth < deepest else { throw GitRepository.corrupt(tree, .tree, "lies too deep in other folders") }
        for entry in try TreeEntry.decode(try repository.read(tree, .tree), of: tree) where !whole.contains(entry.id) {
            if entry.isTree {
                try verify(entry.id, in: repository, whole: &whole, depth: depth + 1)
            } else {
                _ = try repository.read(entry.id, .blob)
                whole.insert(entry.id)
            }
        }
        whole.insert(tree)
    }
}

/// A restore point as git holds it.
public struct GitPoint: Hashable, Sendable {
    public let id: CommitID
    /// The point before it on its branch; nil for the first.
    public let parent: CommitID?
    public let message: PointMessage
    /// What the database was, without its rows.
    public let state: DatabaseState
    /// Tables that have this column are stored per tenant.
    public let tenantColumn: String?

    init(_ reader: PointReader) {
        id = CommitID(reader.id)
        parent = reader.parent.map { CommitID($0) }
        message = reader.message
        state = reader.manifest.state
        tenantColumn = reader.manifest.tenantColumn
    }
}
