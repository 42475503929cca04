public import BatchCore
internal import BatchLedger
internal import BatchSystem

/// A database that goes from one restore point to the next: to visit all of them costs one rebuild and the changes.
///
/// The state digest is carried along: of every row that changes, what is then in the file is read. Where the next point
/// cannot be reached by changes, it is rebuilt.
public final class PointWalk {
    public enum Copy {
        case git(GitStore)
        /// - database: names it in the files; recorded: the hashes of files, by name.
        case bak(BakStore, database: BakFile.Owner, recorded: [String: FileHash])
    }

    private enum Place {
        case commit(PointReader)
        case chain(BakChain)
    }

    private let copy: Copy
    private let path: String
    private let repository: GitRepository?
    private let files: [BakManifest]
    private var place: Place?
    private var proof = RowProof(StateDigest())
    private var staleIndexes: [String] = []

    /// - Parameter path: of the database; what is there is removed.
    public init(_ copy: Copy, in path: String) throws(BatchError) {
        self.copy = copy
        self.path = path
        switch copy {
        case .git(let store):
            repository = try GitRepository(opening: store.path)
            files = []
        case .bak(let store, let database, _):
            repository = nil
            files = try store.contents().files.filter(database.owns)
        }
    }

    /// Makes the file the database at a point.
    /// - Parameters:
    ///   - commit: for a walk over git.
    ///   - target: for a walk over `.bak` files.
    /// - Throws: as a restore from that copy.
    public func go(commit: CommitID?, target: BakTarget?) throws(BatchError) -> Rebuilt {
        do throws(BatchError) {
            if let place, let rebuilt = try step(from: place, commit, target) { return rebuilt }
        } catch {
            // Rebuilt from the beginning, it is right or says what is wrong.
            place = nil
        }
        place = nil
        for ending in ["", "-journal", "-wal", "-shm"] { Folder.remove(path + ending) }
        switch copy {
        case .git(let store):
            guard let commit, let repository else { throw PointWalk.unknown("commit") }
            let point = try PointReader(repository, commit.object)
            let rebuilt = try store.restore(commit, to: path)
            start(.commit(point), point.manifest.state.digest, rebuilt.staleIndexes)
            return rebuilt
        case .bak(let store, let database, let recorded):
            guard let target else { throw PointWalk.unknown("digest") }
            let rebuilt = try store.restore(target, database: database, to: path, recorded: recorded)
            if let chain = try? BakChain.find(target, among: files), let state = try? chain.state() {
                start(.chain(chain), state.digest, rebuilt.staleIndexes)
            }
            return rebuilt
        }
    }

    private static func unknown(_ what: String) -> BatchError {
        BatchError(.noRestorePoint, "the ledger has no \(what) of it", hint: "see the points: \(command: "points")")
    }

    private func start(_ place: Place, _ digest: StateDigest, _ staleIndexes: [String]) {
        self.place = place
        self.staleIndexes = staleIndexes
        proof = RowProof(digest)
    }

    /// - Returns: nil when the point is not to be reached from here.
    private func step(from place: Place, _ commit: CommitID?, _ target: BakTarget?) throws(BatchError) -> Rebuilt? {
        switch (place, copy) {
        case (.commit(let old), _):
            guard let commit, let repository else { return nil }
            let new = try PointReader(repository, commit.object)
            let (before, after) = (old.manifest.state.settings, new.manifest.state.settings)
            guard before.fitsFile(of: after), before.journalMode == after.journalMode else { return nil }
            staleIndexes = try change(old, to: new, repository)
            self.place = .commit(new)
            return try checked(new.manifest.state.digest)
        case (.chain(let known), .bak(let store, _, let recorded)):
            guard let target else { return nil }
            let chain = try BakChain.find(target, among: files)
            guard let steps = chain.steps(behind: known) else { return nil }
            for step in steps {
                guard try recorded[step.file.name]?.holds(for: store.folder + "/" + step.file.name) == true else {
                    return nil
                }
                staleIndexes = try BakReader(step.file.path).apply(to: path, backward: step.isBackward, proof)
            }
            self.place = .chain(chain)
            return try checked(try chain.state().digest)
        default: return nil
        }
    }

    private func checked(_ expected: StateDigest) throws(BatchError) -> Rebuilt {
        let connection = try Connection(path: path, mode: .readWrite)
        connection.tolerateUnknownCollations()
        let found = try proof.digest(of: connection)
        guard found.combined == expected.combined else {
            throw BatchError(
                .verificationFailed, "the changes do not lead to the recorded state digest",
                hint: "see what is damaged: \(command: "verify")")
        }
        return Rebuilt(path: path, digest: found.combined, staleIndexes: staleIndexes)
    }

    // MARK: git

    /// - Returns: indexes that the application has to rebuild.
    private func change(
        _ old: PointReader, to new: PointReader, _ repository: GitRepository
    ) throws(BatchError) -> [String] {
        let state = new.manifest.state
        let changes = try GitChanges(repository, from: old, to: new)
        var refilled: Set<String> = []
        for name in state.digest.tables.keys where try changes.touches(name) {
            if try changes.layout(of: name, isAfter: true)?.key == .rowid(alias: nil) { refilled.insert(name) }
        }
        let builder = try DatabaseBuilder(changing: path, to: state, rewritten: refilled)
        refilled.formUnion(builder.newTables)
        for name in refilled { proof.forget(name) }
        let folders = try TableShards.folders(in: try TreeFolder(new.tree, in: repository))
        for (name, hidden) in try builder.tables() {
            // SQLite moves counters with every insert.
            let isOfSystem = name.hasPrefix("sqlite_")
            if isOfSystem || refilled.contains(name) {
                if isOfSystem { try builder.connection.execute("DELETE FROM main.\(hidden.quotedName)") }
                let trees = folders.compactMap { $0.id(PathName.table(name)) }
                try GitStore.fill(try builder.reveal(hidden), from: trees, builder, repository)
            } else if try changes.touches(name) {
                var records: [BakRecord] = []
                try changes.forEachRowChange(of: name) { (change) in
                    if let record = BakRecord(change) { records.append(record) }
                }
                let isWhole = try builder.change(hidden, proof) { (body) throws(BatchError) in
                    for record in records { try body(record) }
                }
                if !isWhole { throw GitRepository.corrupt(new.id, .commit, "changes a row that is not there") }
            }
        }
        try builder.finish()
        return builder.staleIndexes
    }
}

extension BakChain {
    /// What is left to do after `other`; nil when this is no continuation of it.
    fileprivate func steps(behind other: BakChain) -> ArraySlice<Step>? {
        guard full.path == other.full.path, steps.count >= other.steps.count else { return nil }
        let isSame = zip(steps, other.steps).allSatisfy {
            $0.file.path == $1.file.path && $0.isBackward == $1.isBackward
        }
        return isSame ? steps.dropFirst(other.steps.count) : nil
    }

    /// Where it leads.
    fileprivate func state() throws(BatchError) -> DatabaseState {
        guard let last = steps.last else { return try BakReader(full.path).state("before") }
        return try BakReader(last.file.path).state(last.isBackward ? "before" : "after")
    }
}
