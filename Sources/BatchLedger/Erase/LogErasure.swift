public import BatchCore
internal import CSQLite

/// Takes rows of one table out of the undo log, the digests and the table itself, as if they had never been there.
public struct LogErasure {
    private let ledger: Ledger
    private let walk: LogWalk
    private let layout: TableLayout

    public init(_ ledger: Ledger, table layout: TableLayout) {
        self.ledger = ledger
        self.layout = layout
        walk = LogWalk(ledger: ledger, layout: layout)
    }

    /// Calls `body` with every version of every row that the log knows; the rows as they are now are not among them
    /// unless a batch wrote them.
    /// - Parameter body: gets the form that the table had then.
    public func forEachVersion(
        _ body: (TableLayout, RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        try walk.forEachEntry { (visit) throws(BatchError) in
            if let row = visit.before.row { try body(visit.layout, visit.before.key, row) }
            if let row = visit.after.row { try body(visit.layout, visit.after.key, row) }
        }
    }

    /// Other names under which the log knows rows of the table, from before it was renamed.
    public func formerNames() throws(BatchError) -> [String] {
        var names: Set<String> = []
        try walk.forEachEntry({ _ in }, remade: { (table) in if let name = table.formerName { names.insert(name) } })
        return names.sorted()
    }

    /// The keys, and those that rows of these keys had before or after.
    public func linked(_ keys: Set<RowKey>) throws(BatchError) -> Set<RowKey> {
        var pairs: [(RowKey, RowKey)] = []
        try walk.forEachEntry { (visit) in
            if visit.before.key != visit.after.key { pairs.append((visit.before.key, visit.after.key)) }
        }
        var all = keys
        var count = -1
        while count != all.count {
            count = all.count
            for (a, b) in pairs where all.contains(a) != all.contains(b) { all.formUnion([a, b]) }
        }
        return all
    }

    /// Rewrites the log; call it in a transaction, before the rows are deleted.
    /// - Returns: how many entries are gone.
    public func erase(_ keys: Set<RowKey>) throws(BatchError) -> Int {
        var sums: [Int64: TableDigest] = [:]
        var counts: [Int64: RowCounts] = [:]
        var remade: [Int64: [LogWalk.Place: TableDigest]] = [:]
        var removed = 0
        try walk.forEachEntry { (visit) throws(BatchError) in
            guard keys.contains(visit.after.key) || keys.contains(visit.before.key) else { return }
            removed += 1
            var sum = sums[visit.checkpoint] ?? TableDigest()
            if let row = visit.after.row { sum += TableDigest(digest: RowCodec.hash(row), rows: 1) }
            if let row = visit.before.row { sum -= TableDigest(digest: RowCodec.hash(row), rows: 1) }
            sums[visit.checkpoint] = sum
            switch visit.step.operation {
            case .insert: counts[visit.checkpoint, default: RowCounts()].inserted += 1
            case .update: counts[visit.checkpoint, default: RowCounts()].updated += 1
            default: counts[visit.checkpoint, default: RowCounts()].deleted += 1
            }
        } remade: { (table) throws(BatchError) in
            var sum = TableDigest()
            for key in keys {
                if let row = try table.row(key) { sum += TableDigest(digest: RowCodec.hash(row), rows: 1) }
            }
            sums[table.checkpoint, default: TableDigest()] += sum
            remade[table.checkpoint, default: [:]][table.place] = sum
        }
        for (checkpoint, sum) in sums {
            try rewriteBlocks(of: checkpoint, without: keys, remade[checkpoint] ?? [:])
            try subtract(sum, from: checkpoint)
            try subtract(counts[checkpoint] ?? RowCounts(), from: checkpoint)
        }
        return removed
    }

    /// - Parameter remade: by how much the digests of the table after changes of the schema are less.
    private func rewriteBlocks(
        of checkpoint: Int64, without keys: Set<RowKey>, _ remade: [LogWalk.Place: TableDigest]
    ) throws(BatchError) {
        let compressor = BlockCompressor()
        try walk.forEachBlock(of: checkpoint) { (number, steps, bytes, tables) throws(BatchError) in
            var kept: [UndoStep] = []
            var schemas: [Int: SchemaChange] = [:]
            for step in steps {
                if let then = tables[step.table] {
                    let of = try StepKeys(step, bytes, then)
                    if keys.contains(of.after) || keys.contains(of.before) { continue }
                }
                if let sum = remade[LogWalk.Place(block: number, offset: step.imageOffset)] {
                    var reader = ByteReader(bytes, at: step.imageOffset)
                    var change = try SchemaChange(from: &reader)
                    change.digests[layout.name]? -= sum
                    schemas[step.imageOffset] = change
                }
                kept.append(step)
            }
            if kept.count == steps.count && schemas.isEmpty { return }
            let block = try compressor.block(LogErasure.encode(kept, schemas, bytes), entries: kept.count)
            try ledger.connection.run(
                "UPDATE main.batchmgr_undo SET entries = ?, size = ?, checksum = ?, data = ? WHERE checkpoint = ? AND block = ?",
                [
                    .integer(Int64(block.entries)), .integer(Int64(block.size)),
                    .integer(Int64(bitPattern: block.checksum)), .blob(block.data), .integer(checkpoint),
                    .integer(number),
                ])
        }
    }

    /// Writes entries anew: each depends on those before it.
    /// - Parameter schemas: changes of the schema that read differently now, by where they were.
    private static func encode(
        _ steps: [UndoStep], _ schemas: [Int: SchemaChange], _ bytes: UnsafeRawBufferPointer
    ) -> [UInt8] {
        var buffer = ByteBuffer(capacity: bytes.count + 16)
        var table: Int?
        var lastRowids: [Int: Int64] = [:]
        func copy(_ range: Range<Int>) {
            let part = UnsafeRawBufferPointer(rebasing: bytes[range])
            if let base = part.baseAddress { buffer.append(base, count: part.count) }
        }
        for step in steps {
            if step.operation == .schema {
                buffer.append(UndoEntry.Operation.schema.rawValue)
                if let change = schemas[step.imageOffset] {
                    var image = ByteBuffer()
                    change.encode(into: &image)
                    buffer.appendVarint(UInt64(image.count))
                    if let base = image.bytes.baseAddress { buffer.append(base, count: image.count) }
                } else {
                    buffer.appendVarint(UInt64(step.end - step.imageOffset))
                    copy(step.imageOffset..<step.end)
                }
                continue
            }
            let flags =
                (step.keyChanged ? UndoEntry.Flag.key : 0) | (step.table == table ? 0 : UndoEntry.Flag.table)
            buffer.append(step.operation.rawValue | flags)
            if step.table != table { buffer.appendVarint(UInt64(step.table)) }
            table = step.table
            if step.keyOffset > 0 {
                copy(step.keyOffset..<step.imageOffset)
            } else {
                buffer.appendSigned(step.rowid &- lastRowids[step.table, default: 0])
                lastRowids[step.table] = step.rowid
                if step.keyChanged { buffer.appendVarint(UInt64(bitPattern: step.oldRowid &- step.rowid)) }
            }
            copy(step.imageOffset..<step.end)
        }
        return buffer.array
    }

    private func subtract(_ sum: TableDigest, from checkpoint: Int64) throws(BatchError) {
        let recorded = try ledger.changedTables(of: checkpoint).filter { $0.value.layout.name == layout.name }
        guard let (number, table) = recorded.min(by: { $0.key < $1.key }) else { return }
        var change = table.change
        change -= sum
        try ledger.connection.run(
            "UPDATE main.batchmgr_changes SET digest = ?, rows = ? WHERE checkpoint = ? AND number = ?",
            [
                .string(change.digest.description), .integer(change.rows), .integer(checkpoint),
                .integer(Int64(number)),
            ])
    }

    private func subtract(_ counts: RowCounts, from checkpoint: Int64) throws(BatchError) {
        let values: [SQLValue] = [counts.inserted, counts.updated, counts.deleted].map { .integer(Int64($0)) }
        let terms = "inserted = max(0, inserted - ?1), updated = max(0, updated - ?2), deleted = max(0, deleted - ?3)"
        try ledger.connection.run(
            "UPDATE main.batchmgr_checkpoints SET \(terms) WHERE id = ?4", values + [.integer(checkpoint)])
        try ledger.connection.run(
            "UPDATE main.batchmgr_batches SET \(terms) WHERE seq = (SELECT batch FROM main.batchmgr_checkpoints WHERE id = ?4)",
            values + [.integer(checkpoint)])
    }

    // MARK: Rows

    /// Deletes the rows from the table without triggers and cascades, and from its recorded digest; for good.
    /// - Parameter isKept: only the digest forgets them.
    /// - Returns: how many there were.
    public func eraseRows(_ keys: Set<RowKey>, isKept: Bool) throws(BatchError) -> Int {
        let connection = ledger.connection
        let triggersWereOn = connection.fireTriggers(false)
        defer { _ = connection.fireTriggers(triggersWereOn) }
        let terms = layout.keyCondition
        var state = try ledger.state() ?? StateDigest()
        var count = 0
        for key in keys {
            let values = key.parameters
            let found = try connection.rows(
                "SELECT \(layout.storedColumnList) FROM main.\(layout.quotedName) WHERE \(terms)", values)
            guard let row = found.first else { continue }
            count += 1
            state.tables[layout.name]? -= TableDigest(digest: RowCodec.hash(row), rows: 1)
            if !isKept { try connection.run("DELETE FROM main.\(layout.quotedName) WHERE \(terms)", values) }
        }
        try ledger.setState(state)
        return count
    }
}

extension Connection {
    /// Switches the triggers of all tables on or off.
    /// - Returns: whether they were on.
    public func fireTriggers(_ isOn: Bool) -> Bool {
        var wereOn: Int32 = 1
        csqlite_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, -1, &wereOn)
        csqlite_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, isOn ? 1 : 0, nil)
        return wereOn != 0
    }
}

extension Ledger {
    private static let copiedUndoKey = "undo_in_copies"

    /// Checkpoints whose undo log was taken away because their copies have it: they are undone from those.
    public func undoInCopies() throws(BatchError) -> Set<Int64> {
        Set((try meta(Ledger.copiedUndoKey) ?? "").split(separator: ",").compactMap { Int64($0) })
    }

    /// Takes the undo log of every checkpoint away that changed one of these tables. Call it in a transaction.
    public func leaveUndoToCopies(ofTables names: Set<String>) throws(BatchError) {
        var checkpoints = try undoInCopies()
        for name in names {
            let found = try connection.rows(
                "SELECT DISTINCT checkpoint FROM main.batchmgr_changes WHERE table_name = ?", [.string(name)])
            checkpoints.formUnion(found.compactMap { $0[0].integer })
        }
        for checkpoint in checkpoints {
            try connection.run("DELETE FROM main.batchmgr_undo WHERE checkpoint = ?", [.integer(checkpoint)])
        }
        let list = checkpoints.sorted().map { "\($0)" }.joined(separator: ",")
        try setMeta(Ledger.copiedUndoKey, list)
    }

    /// Says by how much a table changed over some checkpoints, all at the last of them.
    public func setChange(_ change: TableDigest, of table: String, over checkpoints: [Int64]) throws(BatchError) {
        var touched: [Int64] = []
        for checkpoint in checkpoints {
            let found = try connection.value(
                "SELECT 1 FROM main.batchmgr_changes WHERE checkpoint = ? AND table_name = ?",
                [.integer(checkpoint), .string(table)])
            if found != nil { touched.append(checkpoint) }
        }
        for checkpoint in touched {
            let own = checkpoint == touched.last ? change : TableDigest()
            try connection.run(
                "UPDATE main.batchmgr_changes SET digest = ?, rows = ? WHERE checkpoint = ? AND table_name = ?",
                [.string(own.digest.description), .integer(own.rows), .integer(checkpoint), .string(table)])
        }
    }
}
