public import BatchCore

extension Ledger {
    /// Reads the undo log of a checkpoint to its last entry, as an undo would, and changes nothing.
    /// - Returns: how many blocks it has.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when a block is missing, damaged, or cannot be decoded.
    public func verifyUndoLog(of checkpoint: CheckpointRecord) throws(BatchError) -> Int {
        let tables = try changedTables(of: checkpoint.id)
        let count = try undoBlockCount(checkpoint.id)
        var entries = 0
        for number in 0..<count {
            guard let block = try undoBlock(checkpoint.id, number) else { throw missing(checkpoint, "block \(number)") }
            let buffer = try BlockCompressor.restore(block)
            guard try UndoBlockReader(bytes: buffer.bytes, tables: tables).steps().count == block.entries else {
                throw missing(checkpoint, "an entry of block \(number)")
            }
            entries += block.entries
        }
        // Without a row of undo log a batch that changed rows would be undone to nothing.
        // An UPDATE that sets what is there already is counted, and leaves nothing to undo.
        let isUnchanged =
            checkpoint.rows.inserted + checkpoint.rows.deleted == 0
            && tables.values.allSatisfy { $0.change == TableDigest() }
        guard entries > 0 || isUnchanged else { throw missing(checkpoint, "all of it") }
        return Int(count)
    }

    private func missing(_ checkpoint: CheckpointRecord, _ what: String) -> BatchError {
        BatchError(
            .corruptRecord, "the undo log of checkpoint \(checkpoint.number) has lost \(what)",
            hint: "undo from another record: batchmgr restore")
    }
}
