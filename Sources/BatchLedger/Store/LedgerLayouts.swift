public import BatchCore

/// Table layouts as they were when a batch wrote: the undo log of an old batch is read with the layout of its time.
extension Ledger {
    func layoutID(_ layout: RecordedLayout) throws(BatchError) -> Int64 {
        let known = try connection.value(
            "SELECT id FROM main.batchmgr_layouts WHERE digest = ?", [.string(layout.digest)])
        if let id = known?.integer { return id }
        try connection.run(
            "INSERT INTO main.batchmgr_layouts(table_name, digest, layout) VALUES(?, ?, ?)",
            [.string(layout.name), .string(layout.digest), .string(layout.text)])
        return connection.lastInsertRowID
    }

    /// The last form in which a batch wrote to a table that may be gone; nil when none did.
    public func lastLayout(named table: String) throws(BatchError) -> TableLayout? {
        let text = try connection.value(
            "SELECT layout FROM main.batchmgr_layouts WHERE table_name = ? COLLATE NOCASE ORDER BY id DESC LIMIT 1",
            [.string(table)])?.string
        return text.flatMap { try? JSONParser.parse($0) }.flatMap(TableLayout.init(json:))
    }

    /// The tables of a checkpoint by the numbers that its undo log uses.
    func changedTables(of checkpoint: Int64) throws(BatchError) -> [Int: RecordedTable] {
        let sql = """
            SELECT c.number, c.digest, c.rows, l.layout FROM main.batchmgr_changes c JOIN main.batchmgr_layouts l ON l.id = c.layout \
            WHERE c.checkpoint = ?
            """
        var tables: [Int: RecordedTable] = [:]
        for row in try connection.rows(sql, [.integer(checkpoint)]) {
            guard let digest = row[1].string.flatMap(Digest.init(hex:)), let text = row[3].string,
                let json = try? JSONParser.parse(text), let layout = TableLayout(json: json)
            else { throw Ledger.damaged("batchmgr_changes") }
            tables[Int(row[0].integer ?? -1)] = RecordedTable(
                layout: layout, change: TableDigest(digest: digest, rows: row[2].integer ?? 0))
        }
        return tables
    }
}

/// A table that a checkpoint changed: how it looked then, and by how much its digest changed.
struct RecordedTable {
    let layout: TableLayout
    let change: TableDigest
}

extension Ledger {
    /// Notes which rows of R*Trees a checkpoint changed. Call it when the undo log of the checkpoint is written.
    ///
    /// The rows are cells of nodes, and a node that is split moves rows that nobody changed: so what the tables of the
    /// tree saw would name too many.
    func writeTreeFacts(_ tracks: [CapturedTable], checkpoint: Int64) throws(BatchError) {
        let touched = tracks.filter(\.isTouched)
        // What is taken from outside any batch, or undone from a restore point, may write nodes alone.
        let owners = touched.compactMap { track -> String? in
            guard case .shadow(let owner) = track.layout.role else { return nil }
            return ["_rowid", "_node"].map { owner + $0 }.contains(track.layout.name) ? owner : nil
        }
        for owner in Set(owners).sorted() {
            let module = try VirtualTableUndo.module(of: owner, connection)
            guard module.isTree else { continue }
            let rows = Relation.rows(owner)
            guard let changes = try treeChanges(owner, module, checkpoint) else {
                // Somebody wrote to the tables of the tree themselves.
                for track in touched where track.layout.name == owner + "_rowid" {
                    try write(rows, .added, track.added, checkpoint)
                    try write(rows, .changed, track.changed, checkpoint)
                    try write(rows, .removed, track.removed, checkpoint)
                }
                continue
            }
            var sides: [FactSide: KeyRuns] = [:]
            for change in changes {
                let side: FactSide = change.before == nil ? .added : change.after == nil ? .removed : .changed
                sides[side, default: KeyRuns()].insert(RowKey.rowid(change.id).order)
            }
            for (side, keys) in sides { try write(rows, side, keys, checkpoint) }
        }
    }

    /// Nil when the nodes cannot be read.
    private func treeChanges(
        _ owner: String, _ module: VirtualTableModule, _ checkpoint: Int64
    ) throws(BatchError) -> [TreeChanges.Change]? {
        let tree = try TreeShape(owner, isInteger: module.hasIntegers, connection)
        do throws(BatchError) {
            return try TreeChanges(tree, self, checkpoint: checkpoint).changes
        } catch  where error.code == .corruptLedger {
            return nil
        }
    }
}

/// A layout as a row of `batchmgr_layouts` holds it.
struct RecordedLayout {
    let name: String
    let text: String
    let digest: String

    init(_ layout: TableLayout) {
        name = layout.name
        text = JSONWriter.text(layout.json)
        var buffer = ByteBuffer()
        buffer.append(contentsOf: Array(text.utf8))
        digest = buffer.digest().description
    }
}
