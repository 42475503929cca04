public import BatchCore
public import BatchLedger
internal import BatchSystem

extension GitStore {
    /// Writes the points of batches that follow each other, with one pack and one move of the branch; they are durable
    /// when this returns. None is there before all are.
    /// - Parameters:
    ///   - contents: in the order of their batches; each of changes alone, which are read from nothing but themselves.
    ///   - connection: as for `commit`.
    /// - Throws: `ERR_DATA_SCHEMA_CHANGED` when the last point of the branch is not the state that the first one began
    ///   from.
    public func commit(
        series contents: [PointContent], connection: Connection
    ) throws(BatchError) -> [CommitID] {
        guard let first = contents.first else { return [] }
        try GitRepository.create(path, branch: first.branch)
        let repository = try GitRepository(opening: path)
        guard let tip = try repository.refs.target(Refs.branch(first.branch)) else {
            throw BatchError(
                .schemaChanged, "\(first.branch) has no restore point that these could follow",
                hint: "compare the records: \(command: "verify")")
        }
        repository.keepUnwritten()
        let pack = PackWriter(folder: repository.packFolder) { repository.holds($0) }
        pack.note = { repository.note($0, $1, $2) }
        var commits: [ObjectID] = []
        var tags: [Refs.Move] = []
        var last = try PointReader(repository, tip)
        for content in contents {
            let tree = try PointWriter(repository, pack, content, last: last).write(connection)
            let text = GitStore.commitText(content.message, tree: tree, parent: last.id)
            let commit = try pack.add(.commit, Array(text.utf8))
            if let name = content.tag {
                let tag = try pack.add(.tag, GitStore.tagText(content.message, name: name, commit: commit))
                tags.append(Refs.Move(name: Refs.tag(name), target: tag, before: .anything))
            }
            commits.append(commit)
            last = PointReader(repository, commit, tree: tree, after: last.id, content)
        }
        try pack.finish()
        try publish(commits, tags, after: tip, branch: first.branch)
        // The points are there, whatever an old pack is like; `verify` looks at those.
        try? GitStore.mergeSmallPacks(repository)
        return commits.map { CommitID($0) }
    }

    /// Tags first: commits on the branch are what is taken for a point after a crash.
    private func publish(
        _ commits: [ObjectID], _ tags: [Refs.Move], after tip: ObjectID, branch: String
    ) throws(BatchError) {
        guard let commit = commits.last else { return }
        // It sees the new pack.
        let refs = try GitRepository(opening: path).refs
        try refs.create(tags)
        try refs.move(.init(name: Refs.branch(branch), target: commit, before: .exactly(tip)))
    }
}
