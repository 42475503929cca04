public import BatchCore
internal import BatchLedger
internal import BatchSystem

extension BakStore {
    /// Which side of a batch.
    public enum Side: Hashable, Sendable {
        case before, after
    }

    /// The state that a full copy holds, as it was described when the copy was made.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` naming the file.
    public func state(before full: BakFile) throws(BatchError) -> DatabaseState {
        do {
            return try BakReader(full.path).state("before")
        } catch { throw BakFault.damaged(full.path, because: error) }
    }

    /// The state that the `.bak` of this name leads to.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` naming the file.
    public func state(after name: String) throws(BatchError) -> DatabaseState {
        let path = folder + "/" + name
        do {
            return try BakReader(path).state("after")
        } catch { throw BakFault.damaged(path, because: error) }
    }

    /// What the folder holds: readable `.bak` files, oldest first, and the names of those that are damaged.
    public func contents() throws(BatchError) -> (files: [BakManifest], damaged: [String]) {
        var files: [BakManifest] = []
        var damaged: [String] = []
        for name in try Folder.names(in: folder) where BakFile.Name(name) != nil {
            do { files.append(try BakManifest.read(folder + "/" + name)) } catch { damaged.append(name) }
        }
        return (files.sorted { $0.createdAt < $1.createdAt }, damaged)
    }

    /// The files that a restore of this state reads; nil when no chain leads there.
    /// - Parameters:
    ///   - files: those to choose from, as `contents` lists them.
    ///   - kept: names of those that are taken where they lead there as well.
    public func way(to target: BakTarget, among files: [BakManifest], preferring kept: Set<String>) -> BakWay? {
        guard let chain = try? BakChain.find(target, among: files, preferring: kept) else { return nil }
        var passed: [String: String] = [:]
        for step in chain.steps where !step.isBackward { passed[step.file.name] = step.file.after }
        return BakWay(files: [chain.full.name] + chain.steps.map(\.file.name), passed: passed)
    }

    /// Builds a new database file in the state before or after a batch, from `.bak` files alone.
    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when no chain of files leads there, naming what is missing;
    ///   `ERR_DATA_CORRUPT_RECORD` naming the file when one is damaged and there is no way around it.
    public func restore(batch: String, database owner: BakFile.Owner, _ side: Side, to path: String) throws(BatchError)
        -> Rebuilt
    {
        let (files, damaged) = try contents()
        let own = files.filter(owner.owns)
        guard let file = own.last(where: { $0.batch == batch }) else {
            let lost = damaged.first { BakFile.Name($0)?.batch == batch }
            throw lost.map { BakFault.damaged($0, "its manifest cannot be read") }
                ?? BakFault.noChain("there is no .bak of batch \(batch)")
        }
        guard let digest = side == .before ? file.before : file.after else {
            throw BakFault.noChain("\(file.name) does not contain what its batch changed")
        }
        return try restore(BakTarget(digest: digest, file: file.name, side: side), among: own, to: path)
    }

    /// Builds a new database file in this state, from whichever `.bak` files lead there.
    ///
    /// - Parameter recorded: the hashes of files, by name. When all files of the chain have theirs, the rows of the
    ///   whole copy are known by it and only changed rows are read again; otherwise all rows are.
    /// - Throws: as above.
    public func restore(
        _ target: BakTarget, database owner: BakFile.Owner, to path: String, recorded: [String: FileHash] = [:]
    ) throws(BatchError) -> Rebuilt {
        let own = try contents().files.filter(owner.owns)
        return try restore(target, among: own, to: path, recorded)
    }

    /// Goes around files that turn out to be damaged, as long as there is another way.
    private func restore(
        _ target: BakTarget, among files: [BakManifest], to path: String, _ recorded: [String: FileHash] = [:]
    ) throws(BatchError) -> Rebuilt {
        try NewDatabase.check(path)
        var usable = files
        var failure: BatchError?
        while true {
            let chain: BakChain
            do { chain = try BakChain.find(target, among: usable) } catch { throw failure ?? error }
            let suspicion = Suspicion()
            do throws(BatchError) {
                return try restore(chain, to: path, recorded, suspicion)
            } catch {
                guard let bad = suspicion.file else { throw error }
                failure = failure ?? error
                usable.removeAll { $0.path == bad }
            }
        }
    }

    private func restore(
        _ chain: BakChain, to path: String, _ recorded: [String: FileHash], _ suspicion: Suspicion
    ) throws(BatchError) -> Rebuilt {
        let files = [chain.full] + chain.steps.map(\.file)
        let hashes = HashCheck(files.map { ($0.path, recorded[$0.name]) })
        let start = try suspicion.reading(chain.full) { reader throws(BatchError) in try reader.state("before") }
        var target = start
        if let last = chain.steps.last {
            target = try suspicion.reading(last.file) { reader throws(BatchError) in
                try reader.state(last.isBackward ? "before" : "after")
            }
        }
        return try Rebuilding.run(to: path, expecting: target.digest, home: folder) { temporary throws(BatchError) in
            try temporary.file.copy(of: chain.full.path)
            let file = temporary.path
            let writing = BackgroundTask.syncing(file)
            let known = hashes.result
            if let changed = known.mismatch { throw suspicion.blame(changed, "its hash is not the recorded one") }
            var stale = try suspicion.reading(chain.full) { _ throws(BatchError) in
                try BakStore.reduce(file, to: start)
            }
            let proof = known.isComplete ? RowProof(start.digest) : nil
            writing.wait()
            for step in chain.steps {
                stale += try suspicion.reading(step.file) { reader throws(BatchError) in
                    try reader.apply(to: file, backward: step.isBackward, proof)
                }
            }
            if !target.settings.fitsFile(of: start.settings) {
                stale = try rewrite(temporary, as: target)
            }
            return Rebuilding.Work(staleIndexes: stale, proof: proof)
        }
    }

    /// Somebody has run VACUUM with another page size between two batches: rows of a chain do not tell that.
    private func rewrite(_ built: TemporaryFile, as state: DatabaseState) throws(BatchError) -> [String] {
        let new = try TemporaryFile(for: built.path, notedIn: Folder.mayWrite(folder) ? folder : nil)
        let stale = try BakStore.fill(new.path, from: built.path, as: state)
        try built.file.truncate(to: 0)
        try built.file.copy(of: new.path)
        return stale
    }

    /// The builder's connection is closed when it returns.
    private static func fill(
        _ file: String, from path: String, as state: DatabaseState
    ) throws(BatchError) -> [String] {
        let builder = try DatabaseBuilder(at: file, state: state)
        try builder.copyRows(from: path)
        try builder.finish()
        return builder.staleIndexes
    }

    /// Leaves nothing of ours in a copy. The builder's connection is closed when it returns.
    private static func reduce(_ file: String, to state: DatabaseState) throws(BatchError) -> [String] {
        let builder = try DatabaseBuilder(changing: file, to: state, rewritten: [])
        try builder.finish()
        return builder.staleIndexes
    }
}

extension BakStore {
    /// Which file of a chain turned out to be damaged.
    private final class Suspicion {
        private(set) var file: String?

        /// Whatever goes wrong while a file is read is its damage, unless the machine is short of something.
        func reading<Result>(
            _ file: BakManifest, _ body: (BakReader) throws(BatchError) -> Result
        ) throws(BatchError) -> Result {
            do {
                return try body(try BakReader(file.path))
            } catch {
                switch error.code {
                case .diskFull, .limitOfMachine, .busy, .readOnly, .file: throw error
                default: throw blame(file.path, error.message)
                }
            }
        }

        func blame(_ path: String, _ what: String) -> BatchError {
            file = path
            return BakFault.damaged(path, what)
        }
    }
}
