public import BatchCore

extension GitStore {
    /// True when there is a repository to read.
    public var exists: Bool { Folder.exists(path + "/HEAD") }

    /// The newest point of a database; nil when it has none, or there is no repository.
    public func latest(branch: String) throws(BatchError) -> GitPoint? {
        guard exists else { return nil }
        let repository = try GitRepository(opening: path)
        guard let tip = repository.reference(Reference.branch(branch)) else { return nil }
        return GitPoint(try PointReader(repository, tip))
    }

    /// All points of a database, newest first.
    /// - Parameter limit: how many at most.
    public func points(branch: String, limit: Int = .max) throws(BatchError) -> [GitPoint] {
        guard exists else { return [] }
        let repository = try GitRepository(opening: path)
        var next = repository.reference(Reference.branch(branch))
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
        guard let commit = try GitStore.commit(name, in: repository) else {
            throw BatchError(
                .unknownPoint, "git has no restore point \(name)", hint: "see the points there are: batchmgr points")
        }
        return GitPoint(try PointReader(repository, commit))
    }

    /// True when the commit itself can be read; `verify` tells whether all below it can.
    public func has(_ commit: CommitID) -> Bool {
        guard exists, let repository = try? GitRepository(opening: path) else { return false }
        return (try? repository.read(commit.object, .commit)) != nil
    }

    private static func commit(_ name: String, in repository: GitRepository) throws(BatchError) -> ObjectID? {
        for tag in [name, "batch/" + name] {
            if let target = repository.reference(Reference.tag(tag)) { return try peeled(target, in: repository) }
        }
        guard let object = repository.object(withPrefix: name) else { return nil }
        return (try? repository.read(object, .commit)) != nil ? object : nil
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

    /// Reads every object that a point needs; libgit2 checks the SHA-1 of each.
    /// - Returns: how many objects there are.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` with the id of the first that is missing or damaged.
    @discardableResult
    public func verify(_ commit: CommitID) throws(BatchError) -> Int {
        let repository = try GitRepository(opening: path)
        let point = try PointReader(repository, commit.object)
        return try 1 + GitStore.verify(point.tree, in: repository)
    }

    private static func verify(_ tree: ObjectID, in repository: GitRepository) throws(BatchError) -> Int {
        var count = 1
        for entry in try TreeEntry.decode(try repository.read(tree, .tree), of: tree) {
            if entry.isTree {
                count += try verify(entry.id, in: repository)
            } else {
                _ = try repository.read(entry.id, .blob)
                count += 1
            }
        }
        return count
    }
}
