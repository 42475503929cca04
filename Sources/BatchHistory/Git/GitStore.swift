public import BatchCore
public import BatchLedger
public import BatchSystem

/// The restore points in a bare git repository that stock git can read.
///
/// Each call opens the repository anew: other programs may have packed or repaired it meanwhile.
public struct GitStore: Sendable {
    public let path: String
    /// What stands before batch ids in tags.
    public let tagPrefix: String

    public init(path: String, tagPrefix: String = "batch/") {
        self.path = path
        self.tagPrefix = tagPrefix
    }

    /// What stock git cannot do without beside the objects, and that is missing or holds something else; with the line
    /// for the shell that mends it.
    ///
    /// - Parameter isIncomplete: objects are missing. Else a pack without an index is what a writer that was killed left
    ///   behind; nothing refers to what is in it.
    public func brokenFiles(branch: String, isIncomplete: Bool) -> [(what: String, mend: String)] {
        guard Folder.exists(path) else { return [] }
        var broken: [(what: String, mend: String)] = []
        func tell(_ name: String, _ content: String) {
            let file = path + "/" + name
            let what =
                Folder.exists(file) ? "is not what git writes there, so git refuses the repository" : "is missing"
            broken.append(
                ("\(file) \(what)", "write it again: printf \(ShellText.quoted(content)) > \(ShellText.quoted(file))"))
        }
        if !isHead(text("HEAD")) { tell("HEAD", "ref: refs/heads/\(branch.escaping(["%": "%%"]))\\n") }
        if !GitStore.isConfiguration(text("config")) {
            tell("config", "[core]\\n\\trepositoryformatversion = 0\\n\\tbare = true\\n")
        }
        for name in ["refs", "objects"] where !Folder.exists(path + "/" + name) {
            let folder = path + "/" + name
            let below = ShellText.quoted(folder + (name == "refs" ? "/heads" : "/pack"))
            broken.append(
                ("\(folder) is missing", "mkdir -p \(below), and put back what was in it from a clone or a backup"))
        }
        return broken + packsWithoutIndex(isIncomplete: isIncomplete)
    }

    private func text(_ name: String) -> String {
        (try? DurableFile.read(path + "/" + name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// A commit, or a branch that there is; of a damaged repository any branch.
    private func isHead(_ head: String) -> Bool {
        if head.prefix(while: \.isHexDigit).count == 40 { return true }
        guard head.hasPrefix("ref: refs/heads/"), head.hasSuffix("\n") else { return false }
        guard let tips = try? tips(), !tips.isEmpty else { return true }
        return tips[String(head.dropFirst(16).dropLast())] != nil
    }

    /// An index can be made again from its pack.
    private func packsWithoutIndex(isIncomplete: Bool) -> [(what: String, mend: String)] {
        let folder = path + "/objects/pack"
        let packs = ((try? Folder.names(in: folder)) ?? []).filter { $0.hasSuffix(".pack") }.sorted()
        return packs.compactMap { pack in
            let index = "\(folder)/\(pack.dropLast(5)).idx"
            let status = FileStatus(index)
            // Its head, its table of 256 counts, and two checksums at the end.
            guard status.map({ $0.size < 1_072 }) ?? isIncomplete else { return nil }
            let what = status == nil ? "is missing" : "is truncated"
            let remove = status == nil ? "" : "rm -f \(ShellText.quoted(index)) && "
            return (
                "\(index) \(what)", "make it again: \(remove)git index-pack \(ShellText.quoted("\(folder)/\(pack)"))"
            )
        }
    }

    /// Sections, and settings in them.
    private static func isConfiguration(_ text: String) -> Bool {
        var hasSection = false
        var goesOn = false
        for line in text.split(whereSeparator: \.isNewline) {
            let isMore = goesOn
            goesOn = line.last == "\\"
            if isMore { continue }
            let line = line.drop { $0 == " " || $0 == "\t" }
            switch line.first {
            case nil, "#", ";": continue
            case "[":
                guard line.contains("]"), line.dropFirst().first?.isLetter == true else { return false }
                hasSection = true
            case .some(let first): guard hasSection, first.isLetter else { return false }
            }
        }
        return hasSection
    }

    /// Writes a restore point; it is durable when this returns.
    ///
    /// The same point written again, after a crash between commit and tag, is found and completed.
    /// - Parameters:
    ///   - connection: shows the database in the state of the point, inside a transaction of the caller. It must be able
    ///     to write when a table hides its rowid. Only rows of new and rewritten tables are read.
    ///   - snapshot: the `.bak` that the commit names; it is there before the commit is.
    ///   - isRenewing: the repository is damaged: write every object anew, also those that seem to be there.
    /// - Throws: `ERR_DATA_SCHEMA_CHANGED` when the last point of the branch is not the state the changes began from: the
    ///   caller then writes a point with all rows first.
    public func commit(
        _ content: PointContent, connection: Connection, snapshot: BackgroundTask<Void> = BackgroundTask(),
        isRenewing: Bool = false
    ) throws(BatchError) -> CommitID {
        try GitRepository.create(path, branch: content.branch)
        let repository = try GitRepository(opening: path)
        let tip = try repository.refs.target(Refs.branch(content.branch))
        let last: PointReader?
        if let tip, !isRenewing { last = try PointReader(repository, tip) } else { last = nil }
        if let tip, let last, try last.isAlready(content) {
            try snapshot.value()
            try tag(tip, content, in: repository)
            return CommitID(tip)
        }
        let pack = PackWriter(folder: repository.packFolder) {
            last != nil && repository.holds($0)
        }
        let tree = try PointWriter(repository, pack, content, last: last).write(connection)
        let commit = try pack.add(.commit, Array(GitStore.commitText(content.message, tree: tree, parent: tip).utf8))
        let tagged = try content.tag.map { name throws(BatchError) in
            try pack.add(.tag, GitStore.tagText(content.message, name: name, commit: commit))
        }
        try pack.finish()
        try snapshot.value()
        try publish(commit, after: tip, tag: tagged, content)
        // The point is there, whatever an old pack is like; `verify` looks at those.
        try? GitStore.mergeSmallPacks(repository)
        return CommitID(commit)
    }

    /// Sets branch and tag side by side: most of the time they wait for the disk. A tag without its commit on the branch
    /// is what a crash may leave; the point is written again then.
    private func publish(
        _ commit: ObjectID, after tip: ObjectID?, tag: ObjectID?, _ content: PointContent
    ) throws(BatchError) {
        var moves = [Refs.Move(name: Refs.branch(content.branch), target: commit, before: .init(tip))]
        if let name = content.tag, let tag {
            moves.append(Refs.Move(name: Refs.tag(name), target: tag, before: .anything))
        }
        let path = path
        try Concurrently.forEach(moves) { (move) throws(BatchError) in
            try GitRepository(opening: path).refs.move(move)
        }
    }

    /// The tag of a commit that has none yet.
    private func tag(_ commit: ObjectID, _ content: PointContent, in repository: GitRepository) throws(BatchError) {
        guard let name = content.tag, try repository.refs.target(Refs.tag(name)) == nil else { return }
        let pack = PackWriter(folder: repository.packFolder) { repository.holds($0) }
        let tag = try pack.add(.tag, GitStore.tagText(content.message, name: name, commit: commit))
        try pack.finish()
        try repository.refs.move(Refs.Move(name: Refs.tag(name), target: tag, before: .nothing))
    }

    static func commitText(_ message: PointMessage, tree: ObjectID, parent: ObjectID?) -> String {
        let parents = parent.map { "parent \($0)\n" } ?? ""
        let signature = message.signature
        return "tree \(tree)\n\(parents)author \(signature)\ncommitter \(signature)\n\n\(message.text)"
    }

    static func tagText(_ message: PointMessage, name: String, commit: ObjectID) -> [UInt8] {
        let head = "object \(commit)\ntype commit\ntag \(name)\ntagger \(message.signature)\n\n"
        return Array((head + message.text).utf8)
    }
}

extension GitStore {
    /// What the commits of a database say, newest first. Nothing but the commits themselves is read.
    /// - Parameter limit: how many at most.
    public func messages(
        branch: String, limit: Int = .max
    ) throws(BatchError) -> [(id: CommitID, message: PointMessage)] {
        guard exists else { return [] }
        let repository = try GitRepository(opening: path)
        var next = try repository.refs.target(Refs.branch(branch))
        var messages: [(id: CommitID, message: PointMessage)] = []
        while let id = next, messages.count < limit {
            let header = try CommitHeader(try repository.read(id, .commit), id)
            messages.append((CommitID(id), header.message))
            next = header.parent
        }
        return messages
    }
}

extension GitStore {
    /// Builds a new database file from a commit alone. It is durable when this returns.
    /// - Throws: `ERR_UX_FILE_EXISTS`; `ERR_DATA_CORRUPT_RECORD` when an object of the commit is missing or damaged;
    ///   `ERR_DATA_VERIFICATION_FAILED` when the file does not have the recorded digest. No file is left behind then.
    public func restore(_ commit: CommitID, to path: String) throws(BatchError) -> Rebuilt {
        let repository = try GitRepository(opening: self.path)
        let point = try PointReader(repository, commit.object)
        let state = point.manifest.state
        return try Rebuilding.run(
            to: path, expecting: state.digest, home: FilePath.parent(self.path)
        ) { file throws(BatchError) in
            let builder = try DatabaseBuilder(at: file.path, state: state)
            let root = try TreeFolder(point.tree, in: repository)
            let folders = try TableShards.folders(in: root)
            for (name, hidden) in try builder.tables() {
                let layout = try builder.reveal(hidden)
                try GitStore.fill(layout, from: folders.compactMap { $0.id(PathName.table(name)) }, builder, repository)
            }
            try builder.finish()
            return Rebuilding.Work(staleIndexes: builder.staleIndexes)
        }
    }

    static func fill(
        _ layout: TableLayout, from trees: [ObjectID], _ builder: DatabaseBuilder, _ repository: GitRepository
    ) throws(BatchError) {
        let inserter = try RowInserter(layout, on: builder.connection)
        if layout.role == .system { try inserter.removeAll() }
        let format = builder.lineFormat(layout)
        let walk = ShardWalk(repository: repository, format: format, isUTF16: builder.connection.isUTF16)
        for tree in trees {
            try walk.forEachRow(of: tree) { rowid, values throws(BatchError) in
                try inserter.insert(rowid: rowid, values)
            }
        }
    }
}

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
