internal import BatchCore

/// Goes back through the whole undo log of one table, from the rows as they are now.
struct LogWalk {
    /// One entry, and the row on both sides of it.
    struct Visit {
        let checkpoint: Int64
        let step: UndoStep
        let before: (key: RowKey, row: [SQLValue]?)
        let after: (key: RowKey, row: [SQLValue]?)
    }

    let ledger: Ledger
    let layout: TableLayout

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when the table was altered while it held rows: old rows have another form then.
    func forEachEntry(_ body: (Visit) throws(BatchError) -> Void) throws(BatchError) {
        var rows: [RowKey: [SQLValue]?] = [:]
        let reader = try StoredRowReader(layout, on: ledger.connection)
        for checkpoint in try ledger.checkpoints(where: "1", []).reversed() {
            try forEachBlock(of: checkpoint.id) { (_, steps, bytes, numbers) throws(BatchError) in
                for step in steps.reversed() {
                    if step.operation == .schema { try check(step, bytes) }
                    guard numbers.contains(step.table) else { continue }
                    let keys = try StepKeys(step, bytes, layout)
                    let now: [SQLValue]?
                    if let known = rows[keys.after] { now = known } else { now = try read(keys.after, reader) }
                    // Somebody else may have deleted the row; then nothing tells what it was.
                    let isLost = step.operation == .update && now == nil
                    let then = isLost ? nil : try step.before(now, bytes, layout.storedColumns.count)
                    try body(
                        Visit(
                            checkpoint: checkpoint.id, step: step, before: (keys.before, then), after: (keys.after, now)
                        ))
                    rows[keys.after] = .some(nil)
                    rows[keys.before] = .some(then)
                }
            }
        }
    }

    private func read(_ key: RowKey, _ reader: StoredRowReader) throws(BatchError) -> [SQLValue]? {
        var image = RowBuffer()
        let values: [SQLValue] =
            switch key {
            case .rowid(let rowid): [.integer(rowid)]
            case .values(let values): values
            }
        let isUTF16 = ledger.connection.isUTF16
        guard try reader.read(values, isUTF16: isUTF16, into: &image) else { return nil }
        return try image.buffer.values(layout.storedColumns.count)
    }

    /// - Parameter body: gets the number of the block, its entries, and by which numbers they name the table.
    func forEachBlock(
        of checkpoint: Int64,
        _ body: (Int64, [UndoStep], UnsafeRawBufferPointer, Set<Int>) throws(BatchError) -> Void
    ) throws(BatchError) {
        let recorded = try ledger.changedTables(of: checkpoint)
        let numbers = Set(recorded.filter { $0.value.layout.name == layout.name }.keys)
        for number in numbers where recorded[number]?.layout.holdsSameRows(as: layout) != true { throw altered }
        for number in stride(from: try ledger.undoBlockCount(checkpoint) - 1, through: 0, by: -1) {
            guard let block = try ledger.undoBlock(checkpoint, number) else { throw Ledger.damaged("batchmgr_undo") }
            let buffer = try BlockCompressor.restore(block)
            let steps = try UndoBlockReader(bytes: buffer.bytes, tables: recorded).steps()
            try body(number, steps, buffer.bytes, numbers)
            withExtendedLifetime(buffer) {}
        }
    }

    private func check(_ step: UndoStep, _ bytes: UnsafeRawBufferPointer) throws(BatchError) {
        var reader = ByteReader(bytes, at: step.imageOffset)
        let change = try SchemaChange(from: &reader)
        if let digest = change.digests[layout.name], digest.rows > 0 { throw altered }
    }

    private var altered: BatchError {
        BatchError(
            .notUndoable,
            "table \(layout.name) was altered by a batch while it held rows: rows before it have another form",
            hint: "see which batch it was: batchmgr list")
    }
}
