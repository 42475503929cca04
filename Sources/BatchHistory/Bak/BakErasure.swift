public import BatchCore
public import BatchLedger
internal import BatchSystem

/// Writes `.bak` files anew without certain rows of one table, into another folder.
public struct BakErasure {
    private let store: BakStore
    private let folder: String
    private let table: String
    private let keys: Set<RowKey>
    /// What became of each state, by its digest before.
    private let states: [Digest: StateDigest]

    /// - Parameters:
    ///   - folder: gets the new files; they bear the names of the old ones.
    ///   - states: the digests of states without the rows, by the digests with them.
    public init(
        _ store: BakStore, into folder: String, table: String, without keys: Set<RowKey>,
        states: [Digest: StateDigest]
    ) {
        self.store = store
        self.folder = folder
        self.table = table
        self.keys = keys
        self.states = states
    }

    /// - Returns: nil when the file cannot be written anew: it is missing, or not what was recorded, or of a state that
    ///   nobody knows. It has to go then.
    public func rewrite(_ name: String, sha256: String?) throws(BatchError) -> BakFile? {
        try Folder.create(folder)
        let path = "\(store.folder)/\(name)"
        guard Folder.exists(path), try SHA256.hex(ofFile: path) == sha256 else { return nil }
        let manifest = try BakManifest.read(path)
        let old = try BakReader(path)
        old.file.tolerateUnknownCollations()
        let was = try old.state("before")
        let label = BakStore.Label(
            batch: manifest.batch, database: manifest.database, ledger: manifest.ledger,
            base: manifest.base,
            time: Timestamp(iso8601: manifest.createdAt) ?? Timestamp(milliseconds: 0))
        guard manifest.after != nil, let after = state(of: try old.state("after")) else { return nil }
        let target = BakStore(folder: folder)
        switch manifest.kind {
        case .delta:
            guard let before = state(of: was) else { return nil }
            let delta = try target.write(label, kind: .delta) { (file) throws(BatchError) in
                try file.execute("PRAGMA page_size=1024; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN")
                try target.describe(label, kind: .delta, before, in: file)
                try copy(old, to: file, after, manifest)
                try file.execute("COMMIT")
            }
            try delta.pending.value()
            return delta.file
        case .full:
            let scratch = try ScratchFolder(in: folder)
            // Row by row into a new file: a copy would bring along what lies in free pages.
            let rows = try fill(scratch.file("rows.db"), from: path, was)
            let before = try DatabaseState.read(rows)
            let full = try target.write(label, kind: .full) { (file) throws(BatchError) in
                try rows.backup(to: file)
                try file.execute("PRAGMA journal_mode=DELETE; BEGIN")
                try target.describe(label, kind: .full, before, in: file)
                try copy(old, to: file, after, manifest)
                try file.execute("COMMIT")
            }
            try full.pending.value()
            return full.file
        }
    }

    private func state(of state: DatabaseState) -> DatabaseState? {
        states[state.digest.combined].map {
            DatabaseState(settings: state.settings, objects: state.objects, digest: $0)
        }
    }

    // MARK: Whole copies

    /// - Returns: the new file.
    private func fill(
        _ file: String, from path: String, _ state: DatabaseState
    ) throws(BatchError) -> Connection {
        let builder = try DatabaseBuilder(at: file, state: state)
        try builder.copyRows(from: path)
        if let layout = try SchemaReader(builder.connection).layout(named: table) {
            for key in keys {
                try builder.connection.run(
                    "DELETE FROM main.\(layout.quotedName) WHERE \(layout.keyCondition)", key.parameters)
            }
        }
        try builder.finish()
        let made = try Connection(path: file)
        made.tolerateUnknownCollations()
        return made
    }

    // MARK: What a batch changed

    private func copy(
        _ old: BakReader, to file: Connection, _ after: DatabaseState, _ manifest: BakManifest
    ) throws(BatchError) {
        let layout = try SchemaModel(after).layout(table)
        let blocks = try old.file.prepare(
            "SELECT name, kind, size, checksum, data FROM main.batchmgr_bak_block ORDER BY id")
        while try blocks.step() {
            let (name, kind) = (blocks.value(0).string ?? "", blocks.value(1).string ?? "")
            // The undo log may hold the rows, and is kept for a way back in parts alone.
            if ["before", "after", UndoBlockName.kind].contains(kind) { continue }
            guard name == table, let layout else {
                try file.run(
                    """
                    INSERT INTO main.batchmgr_bak_block(name, kind, size, checksum, data) VALUES (?, ?, ?, ?, ?)
                    """, blocks.values)
                continue
            }
            let content = try BakBlock.expand(
                blocks.value(4).bytes ?? [], size: Int(blocks.value(2).integer ?? 0),
                checksum: blocks.value(3).string ?? "", path: manifest.path)
            let kept = try kind == "rows" ? rows(content, layout) : changes(content, layout)
            if kept.count > 0 || kind == "rows" { try BakBlock.write(kept, name: name, kind: kind, into: file) }
        }
        try BakWriter.write(after, kind: "after", into: file)
        try BakManifest.set("after", after.digest.combined.description, in: file)
        try BakManifest.set("reversible", manifest.isReversible ? "yes" : "no", in: file)
    }

    private func rows(_ content: ByteBuffer, _ layout: TableLayout) throws(BatchError) -> ByteBuffer {
        let format = LineFormat(layout)
        var kept = ByteBuffer(capacity: max(16, content.count))
        var reader = ByteReader(content.bytes)
        while !reader.isAtEnd {
            let start = reader.position
            let rowid = format.hasRowid ? try reader.value().integer : nil
            let row = try reader.values(layout.storedColumns.count)
            if keys.contains(format.key(rowid: rowid, format.arranged(row))) { continue }
            append(content, start..<reader.position, to: &kept)
        }
        return kept
    }

    private func changes(_ content: ByteBuffer, _ layout: TableLayout) throws(BatchError) -> ByteBuffer {
        var kept = ByteBuffer(capacity: max(16, content.count))
        var reader = ByteReader(content.bytes)
        while !reader.isAtEnd {
            let start = reader.position
            if keys.contains(try BakRecord(&reader, layout).key) { continue }
            append(content, start..<reader.position, to: &kept)
        }
        return kept
    }

    private func append(_ content: ByteBuffer, _ range: Range<Int>, to kept: inout ByteBuffer) {
        let part = UnsafeRawBufferPointer(rebasing: content.bytes[range])
        if let base = part.baseAddress { kept.append(base, count: part.count) }
    }
}
