public import BatchCore
public import BatchLedger

/// What a batch did, read from its `.bak`.
///
/// A delta keeps of updated rows the changed columns alone and a short hash, so the row is looked up in the database: it
/// must be read while the database is as the batch left it, but for rows that others have changed.
public final class BakChanges: NetChanges {
    private let reader: BakReader
    private let manifest: BakManifest
    private let store: BakStore
    private let live: Connection
    private let states: (before: DatabaseState, after: DatabaseState)
    private let models: (before: SchemaModel, after: SchemaModel)
    /// Tables of which the file has all rows afterwards.
    private let wholeTables: Set<String>
    /// Tables of which the file has anything.
    private let changedTables: Set<String>
    private var rebuilt: TemporaryDatabase?

    init(_ manifest: BakManifest, in store: BakStore, live: Connection) throws(BatchError) {
        self.manifest = manifest
        self.store = store
        self.live = live
        reader = try BakReader(manifest.path)
        reader.file.tolerateUnknownCollations()
        states = (try reader.state("before"), try reader.state("after"))
        models = (try SchemaModel(states.before), try SchemaModel(states.after))
        wholeTables = try reader.names("rows")
        changedTables = try reader.names("changes").union(wholeTables)
    }

    public var before: (objects: [SchemaObject], digest: StateDigest) { (states.before.objects, states.before.digest) }
    public var after: (objects: [SchemaObject], digest: StateDigest) { (states.after.objects, states.after.digest) }

    public func layout(of table: String, isAfter: Bool) throws(BatchError) -> TableLayout? {
        (isAfter ? models.after : models.before).layout(table)
    }

    // MARK: Rows

    public func touches(_ table: String) -> Bool { changedTables.contains(table) }

    public func forEachChange(
        of table: String, _ body: (NetChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        guard let layout = models.after.layout(table) else { return }
        if wholeTables.contains(table) || layout.key == .rowid(alias: nil) {
            return try compare(table, layout, body)
        }
        let current = try CurrentRows(layout, on: live)
        try BakBlock.forEach(name: table, kind: "changes", in: reader.file) { (bytes) throws(BatchError) in
            var reader = ByteReader(bytes)
            while !reader.isAtEnd { try body(try current.change(try BakRecord(&reader, layout))) }
        }
    }

    /// Of these tables the file has all rows, on both sides.
    private func compare(
        _ table: String, _ layout: TableLayout, _ body: (NetChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        var was: [RowKey: [SQLValue]] = [:]
        try forEachRowBefore(of: table) { (key, row) throws(BatchError) in was[key] = row }
        var now: [RowKey: [SQLValue]] = [:]
        let format = LineFormat(layout)
        try BakBlock.forEach(name: table, kind: "rows", in: reader.file) { (bytes) throws(BatchError) in
            var reader = ByteReader(bytes)
            while !reader.isAtEnd {
                let rowid = format.hasRowid ? try reader.value().integer : nil
                let row = try reader.values(layout.storedColumns.count)
                now[format.key(rowid: rowid, format.arranged(row))] = row
            }
        }
        for key in Set(was.keys).union(now.keys).sorted(by: { $0.order < $1.order }) {
            let change = RowChange(key: key, before: was[key], after: now[key])
            if let change = NetChange(change, isWhole: true) { try body(change) }
        }
    }

    public func forEachRowBefore(
        of table: String, _ body: (RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        guard let known = models.before.layout(table) else { return }
        // The rowid that columns hide is named for a moment, in a copy.
        let source = try known.key == .rowid(alias: nil) ? rebuiltBefore() : sourceBefore()
        guard let layout = try SchemaReader(source).layout(named: table) else { return }
        try source.withVisibleRowid(of: layout) { (visible) throws(BatchError) in
            let rows = try RowReader(visible, on: source, where: layout.userRows)
            while let row = try rows.next() {
                guard let key = row.key else {
                    throw BatchError(
                        .noRestorePoint, "a .bak does not number the rows of table \(table), which hides its rowid",
                        hint: "undo it from another record: batchmgr rollback --source git")
                }
                try body(key, row.values)
            }
        }
    }

    /// A full copy is the database before the batch; what came before a delta is rebuilt.
    private func sourceBefore() throws(BatchError) -> Connection {
        try manifest.kind == .full ? reader.file : rebuiltBefore()
    }

    private func rebuiltBefore() throws(BatchError) -> Connection {
        if let rebuilt { return rebuilt.connection }
        let made = try TemporaryDatabase(beside: manifest.path) { (path) throws(BatchError) in
            let target = BakTarget(states.before.digest.combined, file: manifest.name, .before)
            _ = try store.restore(target, database: manifest.database, to: path)
        }
        rebuilt = made
        return made.connection
    }
}

/// A database that is gone when it is released.
private final class TemporaryDatabase {
    let connection: Connection
    private let path: String

    init(beside place: String, _ build: (String) throws(BatchError) -> Void) throws(BatchError) {
        path = Folder.temporary(for: place + ".before")
        Folder.remove(path)
        try build(path)
        connection = try Connection(path: path, mode: .readWrite)
        connection.tolerateUnknownCollations()
    }

    deinit { for ending in ["", "-wal", "-shm"] { Folder.remove(path + ending) } }
}

extension BakStore {
    /// What the batch of a file did to the database.
    /// - Parameters:
    ///   - sha256: of the file, as it was recorded.
    ///   - live: the database that is to be undone.
    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when the file is missing, `ERR_DATA_CORRUPT_RECORD` when it is not what it was;
    ///   the latter also while the changes are read.
    public func changes(in name: String, sha256: String, live: Connection) throws(BatchError) -> BakChanges {
        let path = folder + "/" + name
        guard Folder.exists(path) else { throw BakFault.noChain("\(name) is missing") }
        guard try SHA256.hex(ofFile: path) == sha256 else {
            throw BakFault.damaged(path, "its SHA-256 is not the recorded one")
        }
        let manifest = try BakManifest.read(path)
        guard manifest.after != nil else { throw BakFault.damaged(path, "it does not hold what its batch changed") }
        return try BakChanges(manifest, in: self, live: live)
    }
}
