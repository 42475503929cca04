package import BatchCore
internal import BatchSystem
internal import CGit2

/// The branches and tags of a repository: whatever reads, lists or moves a reference does it here.
///
/// An error is never "there is none": who erases must not overlook a tag that could not be read.
package struct Refs {
    /// What a reference must be before it is moved.
    package enum Before: Sendable {
        case anything, nothing
        case exactly(ObjectID)

        /// As it was read before.
        init(_ target: ObjectID?) { self = target.map { .exactly($0) } ?? .nothing }
    }

    /// A reference that is to point somewhere else.
    package struct Move: Sendable {
        let name: String
        let target: ObjectID
        let before: Before

        package init(name: String, target: ObjectID, before: Before) {
            self.name = name
            self.target = target
            self.before = before
        }
    }

    package static func branch(_ name: String) -> String { "refs/heads/" + name }
    package static func tag(_ name: String) -> String { "refs/tags/" + name }

    let repository: GitRepository

    // MARK: Reading

    /// Where a reference points; nil when there is none, or the name is none that a reference can have.
    package func target(_ name: String) throws(BatchError) -> ObjectID? {
        try GitRepository.requireFile("\(repository.path)/\(name)")
        var target = git_oid()
        let code = git_reference_name_to_id(&target, repository.handle, name)
        if code == GIT_ENOTFOUND.rawValue || code == GIT_EINVALIDSPEC.rawValue { return nil }
        try GitFault.check(code, doing: "read \(name) in \(repository.path)")
        return GitRepository.id(target)
    }

    /// Names of all references below `prefix`, without it, sorted. libgit2 would leave out those that it cannot read.
    package func names(below prefix: String) throws(BatchError) -> [String] {
        var names = try packed()
        try collect("refs", into: &names)
        return names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
    }

    private func collect(_ folder: String, into names: inout Set<String>) throws(BatchError) {
        for entry in try Folder.names(in: "\(repository.path)/\(folder)") where !entry.hasSuffix(".lock") {
            let name = "\(folder)/\(entry)"
            guard let status = FileStatus("\(repository.path)/\(name)", followingLinks: false) else { continue }
            if status.isFolder {
                try collect(name, into: &names)
            } else {
                names.insert(name)
            }
        }
    }

    /// Those that stock git has put into one file.
    private func packed() throws(BatchError) -> Set<String> {
        let path = repository.path + "/packed-refs"
        guard Folder.exists(path) else { return [] }
        let text = String(decoding: try DurableFile.read(path), as: UTF8.self)
        var names: Set<String> = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") && !line.hasPrefix("^") {
            if let space = line.firstIndex(of: " ") { names.insert(String(line[line.index(after: space)...])) }
        }
        return names
    }

    // MARK: Moving

    /// Sets a reference. The caller has the lease of the database that it belongs to, so a lock on it is that of a
    /// killed process, unless somebody works in the repository by hand.
    /// - Throws: `ERR_PERF_BUSY` when somebody else has moved it meanwhile or holds its lock;
    ///   `ERR_INTEGRATION_READ_ONLY` when it cannot be written.
    package func move(_ move: Move) throws(BatchError) {
        do throws(BatchError) {
            try set(move)
        } catch {
            guard error.code == .busy else { throw error }
            let lock = StaleLock(path: "\(repository.path)/\(move.name).lock")
            guard lock.isThere else {
                // libgit2 calls a folder that cannot be written "locked" as well.
                throw Folder.mayWrite(FilePath.parent(lock.path)) ? error : readOnly(move)
            }
            guard lock.remove() else { throw error }
            try set(move)
        }
    }

    /// Sets many references that are nobody else's, with one wait for the disk: each is a file beside its lock.
    package func create(_ moves: [Move]) throws(BatchError) {
        var locked: [(lock: String, path: String)] = []
        var folders: Set<String> = []
        for move in moves {
            let path = "\(repository.path)/\(move.name)"
            let (lock, folder) = (path + ".lock", FilePath.parent(path))
            if folders.insert(folder).inserted { try Folder.create(folder) }
            guard let file = try? File(creating: lock, permissions: 0o666) else {
                // What is in the way is looked at there.
                try self.move(move)
                continue
            }
            try file.write(Array("\(move.target)\n".utf8))
            locked.append((lock, path))
        }
        try Concurrently.forEach(locked.map(\.lock)) { (lock) throws(BatchError) in try DurableFile.sync(lock) }
        for (lock, path) in locked { try DurableFile.rename(lock, to: path) }
        for folder in folders { try Folder.sync(folder) }
    }

    /// Removes a reference; nothing when there is none.
    package func remove(_ name: String) throws(BatchError) {
        let code = git_reference_remove(repository.handle, name)
        if code != GIT_ENOTFOUND.rawValue { try GitFault.check(code, doing: "remove \(name) in \(repository.path)") }
    }

    private func set(_ move: Move) throws(BatchError) {
        try GitRepository.requireFile("\(repository.path)/\(move.name)")
        var new = GitRepository.native(move.target)
        var made: OpaquePointer?
        let code: Int32
        switch move.before {
        case .anything: code = git_reference_create(&made, repository.handle, move.name, &new, 1, nil)
        case .nothing: code = git_reference_create(&made, repository.handle, move.name, &new, 0, nil)
        case .exactly(let id):
            var expected = GitRepository.native(id)
            code = git_reference_create_matching(&made, repository.handle, move.name, &new, 1, &expected, nil)
        }
        git_reference_free(made)
        try GitFault.check(code, doing: "set \(move.name) in \(repository.path)")
    }

    private func readOnly(_ move: Move) -> BatchError {
        BatchError(
            .readOnly, "\(move.name) cannot be written in \(repository.path)",
            hint: "make the repository writable, then: \(command: "doctor")")
    }

    /// The lock file of a reference that a killed process may have left: libgit2 and git wait for nobody to take it
    /// away.
    ///
    /// Who holds a lock has the file open, or is about to rename it. One that stays the same for a while and that
    /// nobody has open is nobody's.
    private struct StaleLock {
        private static let seconds: Int64 = 2

        let path: String

        private struct Identity: Equatable {
            let inode: UInt64
            let time: Int64

            init?(_ path: String) {
                guard let status = FileStatus(path, followingLinks: false) else { return nil }
                (inode, time) = (status.inode, status.modifiedAt)
            }
        }

        var isThere: Bool { Identity(path) != nil }

        /// - Returns: true when the lock is gone.
        func remove() -> Bool {
            guard let first = Identity(path) else { return true }
            var moments =
                first.time < WallClock.now.milliseconds / 1_000 - StaleLock.seconds ? 0 : StaleLock.seconds * 20
            while moments > 0 {
                WallClock.sleep(milliseconds: 50)
                guard Identity(path) == first else { return !isThere }
                moments -= 1
            }
            guard !isOpen(), Identity(path) == first else { return !isThere }
            Folder.remove(path)
            return !isThere
        }

        /// By any process that this one may look at.
        private func isOpen() -> Bool {
            FileStatus(path, followingLinks: false).map(ProcessTable.hasOpen) ?? false
        }
    }
}
