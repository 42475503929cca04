public import BatchCore
public import BatchLedger
public import BatchSystem

/// The restore points in `.bak` files: whole copies, and deltas that lead from point to point.
public struct BakStore: Sendable {
    public let folder: String

    public init(folder: String) { self.folder = folder }

    /// What a `.bak` says about itself.
    public struct Label: Sendable {
        public let batch: String
        /// Names the database, as its branch in git does.
        public let database: String
        /// The id of its ledger.
        public let ledger: String?
        /// The name of the `.bak` that this one follows; nil for the first.
        public let base: String?
        public let time: Timestamp

        public init(batch: String, database: String, ledger: String? = nil, base: String?, time: Timestamp) {
            self.batch = batch
            self.database = database
            self.ledger = ledger
            self.base = base
            self.time = time
        }

        /// The name of the file that bears this label.
        public var fileName: String { BakFile.Name(batch: batch, time: time).description }
    }

    // MARK: Writing

    /// Copies the whole database as it is before a batch. Durable when it returns; any SQLite client opens the file.
    /// - Parameters:
    ///   - source: a connection of its own: the one that holds the write lock cannot be copied from.
    ///   - before: the state that `source` shows.
    ///   - isPatient: others may write between the steps of the copy. `ERR_PERF_BUSY` when they do so each time.
    public func writeFull(
        _ label: Label, from source: Connection, before: DatabaseState, isPatient: Bool = false
    ) throws(BatchError) -> BakFile {
        let (copy, pending) = try write(label, kind: .full) { file throws(BatchError) in
            if !isPatient {
                try source.backup(to: file)
            } else if try !source.backup(inStepsTo: file) {
                throw BatchError(.busy, "other programs write all the time", hint: "try again in a moment")
            }
            // The header still says WAL when the original does: then a client would need to write beside the file.
            try file.execute("PRAGMA journal_mode=DELETE")
            try file.execute("BEGIN")
            try describe(label, kind: .full, before, in: file)
            try file.execute("COMMIT")
        }
        try pending.value()
        return copy
    }

    /// Appends to a full copy what its batch changed, in one transaction of that file.
    /// - Parameter source: shows the state after the batch.
    public func complete(
        _ full: BakFile, with changes: any ChangeSource, before: DatabaseState, after: DatabaseState,
        source: Connection
    ) throws(BatchError) -> BakFile {
        let file = try Connection(path: full.path, mode: .readWrite)
        file.tolerateUnknownCollations()
        // EXTRA: a journal that comes back after a power cut would take the changes away again.
        try file.execute("PRAGMA synchronous=EXTRA")
        try file.transaction { () throws(BatchError) in
            // Written again after a crash, it replaces what it wrote before.
            try file.execute("DELETE FROM batchmgr_bak_block WHERE kind <> 'before'")
            try BakWriter(file: file, source: source).write(changes, from: before, to: after)
        }
        return try BakFile(reading: full.path, kind: .full)
    }

    /// The file of this name when it holds all that it will: it leads to `digest`. Nil otherwise.
    public func finished(_ name: String, leadingTo digest: Digest) throws(BatchError) -> BakFile? {
        let path = folder + "/" + name
        guard Folder.exists(path), let manifest = try? BakManifest.read(path), manifest.after == digest.description
        else { return nil }
        return try BakFile(reading: path, kind: manifest.kind)
    }

    /// Writes what a batch changed: the rows before and after. It is there, and durable, when
    /// `pending` has settled.
    /// - Parameter source: shows the state after the batch; rows of rewritten tables are read from it.
    public func writeDelta(
        _ label: Label, changes: any ChangeSource, before: DatabaseState, after: DatabaseState, source: Connection
    ) throws(BatchError) -> (file: BakFile, pending: BackgroundTask<Void>) {
        try write(label, kind: .delta) { file throws(BatchError) in
            try fillDelta(label, changes, before, after, source, file)
        }
    }

    private func fillDelta(
        _ label: Label, _ changes: any ChangeSource, _ before: DatabaseState, _ after: DatabaseState,
        _ source: Connection, _ file: Connection
    ) throws(BatchError) {
        try file.execute("PRAGMA page_size=1024; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF")
        try file.execute("BEGIN")
        try describe(label, kind: .delta, before, in: file)
        try BakWriter(file: file, source: source).write(changes, from: before, to: after)
        try file.execute("COMMIT")
    }

    /// A delta that does not bear its name yet: several wait for the disk together.
    public struct Unpublished {
        public let file: BakFile
        fileprivate let temporary: TemporaryFile
    }

    /// As `writeDelta`; call `publish` for it.
    public func prepareDelta(
        _ label: Label, changes: any ChangeSource, before: DatabaseState, after: DatabaseState, source: Connection
    ) throws(BatchError) -> Unpublished {
        let (file, temporary) = try prepare(label, kind: .delta) { (file) throws(BatchError) in
            try fillDelta(label, changes, before, after, source, file)
        }
        return Unpublished(file: file, temporary: temporary)
    }

    /// Gives all of them their names; they are durable when this returns.
    public func publish(_ files: [Unpublished]) throws(BatchError) {
        if files.isEmpty { return }
        try Concurrently.forEach(files.map(\.temporary)) { (file) throws(BatchError) in try file.file.sync() }
        for file in files { try file.temporary.rename() }
        try Folder.sync(folder)
    }

    func describe(
        _ label: Label, kind: BakFile.Kind, _ before: DatabaseState, in file: Connection
    ) throws(BatchError) {
        try file.execute(BakManifest.schema)
        let values: [(String, String?)] = [
            ("format", "1"), ("kind", kind.rawValue), ("batch", label.batch), ("database", label.database),
            ("ledger", label.ledger), ("base", label.base),
            ("before", before.digest.combined.description), ("created_at", label.time.iso8601),
        ]
        for (key, value) in values { try BakManifest.set(key, value, in: file) }
        try BakWriter.write(before, kind: "before", into: file)
    }

    func write(
        _ label: Label, kind: BakFile.Kind, _ write: (Connection) throws(BatchError) -> Void
    ) throws(BatchError) -> (file: BakFile, pending: BackgroundTask<Void>) {
        let (written, temporary) = try prepare(label, kind: kind, write)
        return (written, BackgroundTask { () throws(BatchError) in try temporary.publish() })
    }

    private func prepare(
        _ label: Label, kind: BakFile.Kind, _ write: (Connection) throws(BatchError) -> Void
    ) throws(BatchError) -> (file: BakFile, temporary: TemporaryFile) {
        try Folder.create(folder)
        let path = folder + "/" + label.fileName
        let temporary = try TemporaryFile(for: path)
        try fill(temporary.path, write)
        return (try BakFile(reading: temporary.path, kind: kind, as: path), temporary)
    }

    /// The connection is closed when it returns.
    private func fill(_ path: String, _ write: (Connection) throws(BatchError) -> Void) throws(BatchError) {
        let file = try Connection(path: path, mode: .create)
        file.tolerateUnknownCollations()
        try file.execute("PRAGMA synchronous=OFF")
        try write(file)
    }
}
