public import BatchCore
public import BatchLedger
internal import BatchSystem

/// What a batch did, read from its `.bak`.
///
/// A delta keeps of updated rows the changed columns alone and a short hash, so the row is looked up in the database:
/// it must be read while the database is as the batch left it, but for rows that others have changed.
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

    public var before: (objects: [SchemaObject], digest: StateDigest) {
        (states.before.objects + states.before.settings.objects, states.before.digest)
    }
    public var after: (objects: [SchemaObject], digest: StateDigest) {
        (states.after.objects + states.after.settings.objects, states.after.digest)
    }

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
        let current = CurrentRows(layout, on: live)
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
        try forEachRow(of: table, isAfter: false) { (key, row) throws(BatchError) in was[key] = row }
        let now = try wholeRows(of: table, layout)
        for key in Set(was.keys).union(now.keys).sorted(by: { $0.order < $1.order }) {
            let change = RowChange(key: key, before: was[key], after: now[key])
            if let change = NetChange(change, isWhole: true) { try body(change) }
        }
    }

    /// The rows afterwards, where the file has all of them.
    private func wholeRows(of table: String, _ layout: TableLayout) throws(BatchError) -> [RowKey: [SQLValue]] {
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
        return now
    }

    public func forEachRow(
        of table: String, isAfter: Bool, _ body: (RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        if isAfter { return try forEachRowAfter(of: table, body) }
        guard let known = models.before.layout(table) else { return }
        // The rowid that columns hide is named for a moment, in a copy.
        let source = try known.key == .rowid(alias: nil) ? rebuiltBefore() : sourceBefore()
        guard let layout = try SchemaReader(source).layout(named: table) else { return }
        try source.withVisibleRowid(of: layout) { (visible) throws(BatchError) in
            let rows = try RowReader(visible, on: source, where: layout.userRows(source.ledgerNames))
            while let row = try rows.next() {
                guard let key = row.key else {
                    throw BatchError(
                        .noRestorePoint, "a .bak does not number the rows of table \(table), which hides its rowid",
                        hint: "undo it from another record: \(command: "rollback --id BATCH --source git")")
                }
                try body(key, row.values)
            }
        }
    }

    /// The rows before, with what the file says about them.
    private func forEachRowAfter(
        of table: String, _ body: (RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        guard let layout = models.after.layout(table) else { return }
        var rows: [RowKey: [SQLValue]] = [:]
        if wholeTables.contains(table) {
            rows = try wholeRows(of: table, layout)
        } else {
            try forEachRow(of: table, isAfter: false) { (key, row) throws(BatchError) in rows[key] = row }
            try BakBlock.forEach(name: table, kind: "changes", in: reader.file) { (bytes) throws(BatchError) in
                var reader = ByteReader(bytes)
                while !reader.isAtEnd { try BakRecord(&reader, layout).apply(to: &rows) }
            }
        }
        for (key, row) in rows.sorted(by: { $0.key.order < $1.key.order }) { try body(key, row) }
    }

    /// A full copy is the database before the batch; what came before a delta is rebuilt.
    private func sourceBefore() throws(BatchError) -> Connection {
        try manifest.kind == .full ? reader.file : rebuiltBefore()
    }

    private func rebuiltBefore() throws(BatchError) -> Connection {
        if let rebuilt { return rebuilt.connection }
        let made = try TemporaryDatabase(beside: manifest.path) { (path) throws(BatchError) in
            let target = BakTarget(states.before.digest.combined, file: manifest.name, .before)
            let owner = BakFile.Owner(ledger: manifest.ledger, database: manifest.database)
            _ = try store.restore(target, database: owner, to: path)
        }
        rebuilt = made
        return made.connection
    }

    /// Completes the records of a `.bak` from the rows as they are now.
    struct CurrentRows {
        private let layout: TableLayout
        private let rows: TableRows?

        init(_ layout: TableLayout, on connection: Connection) {
            self.layout = layout
            // The table may be another one by now: that is a conflict which the undo itself finds.
            rows = try? TableRows(layout, on: connection)
        }

        func change(_ record: BakRecord) throws(BatchError) -> NetChange {
            switch record {
            case .insert(let key, let row): return NetChange(key: key, kind: .insert, left: RowCodec.hash(row).low)
            case .delete(let key, let row): return NetChange(key: key, kind: .delete(row), left: 0)
            case .update(let key, let update):
                let kind = NetChange.Kind.update(update.columns, before: update.before)
                if update.columns.count == layout.storedColumns.count {
                    return NetChange(key: key, kind: kind, left: RowCodec.hash(update.after).low)
                }
                let found = try rows?.row(key).map { RowCodec.hash($0).low } ?? 0
                let isAsLeft = UInt32(truncatingIfNeeded: found) == update.hash
                // A row that others have changed must not pass for the one that the batch left.
                return NetChange(key: key, kind: kind, left: isAsLeft ? found : NetChange.notAsLeft(found))
            }
        }
    }

    /// A database that is gone when it is released.
    private final class TemporaryDatabase {
        let connection: Connection
        private let folder: ScratchFolder

        init(beside place: String, _ build: (String) throws(BatchError) -> Void) throws(BatchError) {
            folder = try ScratchFolder(in: FilePath.parent(place))
            let path = folder.file("before.db")
            try build(path)
            connection = try Connection(path: path, mode: .readWrite)
            connection.tolerateUnknownCollations()
        }
    }
}

extension BakChanges: UndoBlockCopies {
    public func blocks(of checkpoint: Int) throws(BatchError) -> Int {
        let prefix = UndoBlockName.folder(of: checkpoint)
        return try reader.names(UndoBlockName.kind).count { $0.hasPrefix(prefix) }
    }

    public func block(_ number: Int, of checkpoint: Int) throws(BatchError) -> [UInt8] {
        var found: [UInt8]?
        let name = UndoBlockName.text(checkpoint, number)
        try BakBlock.forEach(name: name, kind: UndoBlockName.kind, in: reader.file) { bytes in found = [UInt8](bytes) }
        guard let found else { throw BakFault.damaged(manifest.path, "it has lost undo block \(name)") }
        return found
    }
}

extension BakStore {
    /// What the batch of a file did to the database.
    /// - Parameters:
    ///   - sha256: of the file, as it was recorded.
    ///   - live: the database that is to be undone.
    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when the file is missing, `ERR_DATA_CORRUPT_RECORD` when it is not what
    ///   it was; the latter also while the changes are read.
    public func changes(in name: String, sha256: String, live: Connection) throws(BatchError) -> BakChanges {
        let path = folder + "/" + name
        guard Folder.exists(path) else { throw BakFault.noChain("\(name) is missing") }
        guard try SHA256.hex(ofFile: path) == sha256 else {
            throw BakFault.damaged(path, "its SHA-256 is not the recorded one")
        }
        let manifest = try BakManifest.read(path)
        guard manifest.after != nil else { throw BakFault.damaged(path, "it does not contain what its batch changed") }
        return try BakChanges(manifest, in: self, live: live)
    }
}
