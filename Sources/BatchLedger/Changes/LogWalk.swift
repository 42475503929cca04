internal import BatchCore

/// Goes back through the whole undo log of one table, from the rows as they are now.
///
/// A statement that makes or alters the table leaves no entries of the rows it leaves: those after it are known from later entries
/// and from the table, those before it from entries that record them as removed.
struct LogWalk {
    /// One entry, and the row on both sides of it.
    struct Visit {
        let checkpoint: Int64
        let step: UndoStep
        /// As the table was then.
        let layout: TableLayout
        let before: (key: RowKey, row: [SQLValue]?)
        let after: (key: RowKey, row: [SQLValue]?)
    }

    /// Where an entry is in the log of its checkpoint.
    struct Place: Hashable {
        let block: Int64
        let offset: Int
    }

    /// The table was made or altered.
    struct Remade {
        let checkpoint: Int64
        let place: Place
        /// Another name that it had before.
        let formerName: String?
        /// The row that the table had under a key right after that.
        let row: (RowKey) throws(BatchError) -> [SQLValue]?
    }

    let ledger: Ledger
    let layout: TableLayout

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when rows of the table had keys of another kind.
    func forEachEntry(
        _ body: (Visit) throws(BatchError) -> Void, remade: (Remade) throws(BatchError) -> Void = { _ in }
    ) throws(BatchError) {
        var rows: [RowKey: [SQLValue]?] = [:]
        // Until the table looked different, rows that no entry names are as they are now.
        let exists = try SchemaReader(ledger.connection).layout(named: layout.name) != nil
        var reader = exists ? try TableRows(layout, on: ledger.connection) : nil
        func row(_ key: RowKey) throws(BatchError) -> [SQLValue]? {
            if let known = rows[key] { return known }
            return try reader?.row(key)
        }
        for checkpoint in try ledger.checkpoints(where: "1", []).reversed() {
            try forEachBlock(of: checkpoint.id) { (block, steps, bytes, layouts) throws(BatchError) in
                for step in steps.reversed() {
                    if let change = try LogWalk.change(step, bytes), change.digests[layout.name] != nil {
                        try remade(
                            Remade(
                                checkpoint: checkpoint.id, place: Place(block: block, offset: step.imageOffset),
                                formerName: change.formerName(of: layout.name), row: row))
                        rows = [:]
                        reader = nil
                    }
                    guard let then = layouts[step.table] else { continue }
                    let keys = try StepKeys(step, bytes, then)
                    let now = try row(keys.after)
                    // Somebody else may have deleted the row; then nothing tells what it was.
                    let isLost = step.operation == .update && now == nil
                    let before = isLost ? nil : try step.before(now, bytes, then.storedColumns.count)
                    try body(
                        Visit(
                            checkpoint: checkpoint.id, step: step, layout: then, before: (keys.before, before),
                            after: (keys.after, now)))
                    rows[keys.after] = .some(nil)
                    rows[keys.before] = .some(before)
                }
            }
        }
    }

    /// - Parameter body: gets the number of the block, its entries, and how the table was under each number that they
    ///   name it by.
    func forEachBlock(
        of checkpoint: Int64,
        _ body: (Int64, [UndoStep], UnsafeRawBufferPointer, [Int: TableLayout]) throws(BatchError) -> Void
    ) throws(BatchError) {
        let recorded = try ledger.changedTables(of: checkpoint)
        let layouts = recorded.mapValues(\.layout).filter { $0.value.name == layout.name }
        for then in layouts.values where !then.hasKeys(like: layout) { throw strange }
        if try ledger.isThinned(checkpoint) { return }
        for number in stride(from: try ledger.undoBlockCount(checkpoint) - 1, through: 0, by: -1) {
            guard let block = try ledger.openUndoBlock(checkpoint, number) else {
                throw Ledger.damaged("batchmgr_undo")
            }
            let buffer = block.buffer
            let steps = try UndoBlockReader(bytes: buffer.bytes, tables: recorded).steps()
            try body(number, steps, buffer.bytes, layouts)
            withExtendedLifetime(buffer) {}
        }
    }

    /// Nil when the entry is of a row.
    static func change(_ step: UndoStep, _ bytes: UnsafeRawBufferPointer) throws(BatchError) -> SchemaChange? {
        guard step.operation == .schema else { return nil }
        var reader = ByteReader(bytes, at: step.imageOffset)
        return try SchemaChange(from: &reader)
    }

    private var strange: BatchError {
        BatchError(
            .notUndoable,
            "table \(layout.name) once had keys of another kind: its older rows cannot be distinguished",
            hint: "see which batch changed it: \(command: "list")")
    }
}

extension SchemaChange {
    /// The name of a table before the statement, when that was another one.
    func formerName(of table: String) -> String? {
        let now = after.first { $0.type == "table" && $0.name == table }
        return before.first { $0.type == "table" && $0.rowid == now?.rowid && $0.name != table }?.name
    }
}

extension TableLayout {
    /// True when a key of the one can be a key of the other.
    fileprivate func hasKeys(like other: TableLayout) -> Bool {
        func names(_ layout: TableLayout) -> [String]? {
            guard case .primaryKey(let positions) = layout.key else { return nil }
            return positions.map { layout.columns[$0].name.lowercased() }
        }
        return names(self) == names(other)
    }
}
