internal import BatchCore

/// The records that a run goes back by.
extension UndoRun {
    /// Undoes what a restore point serves for. Call it for later points first.
    func undo(_ part: UndoPart) throws(BatchError) {
        switch part {
        case .whole(let run): try undo(run)
        case .some(let run):
            for checkpoint in run.checkpoints { try undo(checkpoint, of: run.batch, from: run.blocks) }
        }
    }

    /// Undoes a run of checkpoints by what it did in the end.
    private func undo(_ run: NetRun) throws(BatchError) {
        renumbering.enter(run.lastCheckpoint)
        try undoTrees(of: run.lastCheckpoint, run.batch)
        current = nil
        try NetUndo(run.changes, connection) { (step, bytes, tables) throws(BatchError) in
            try self.undo(step, bytes, tables, run.batch)
        }.run()
        current = nil
    }

    func block(
        _ number: Int64, of checkpoint: CheckpointRecord, from copies: (any UndoBlockCopies)?
    ) throws(BatchError) -> UndoBlock {
        if let copies { return try UndoBlock(encoded: try copies.block(Int(number), of: checkpoint.number)) }
        guard let block = try gateway.ledger.undoBlock(checkpoint.id, number) else {
            throw BatchError(
                .corruptRecord, "undo block \(number) of checkpoint \(checkpoint.number) is missing",
                hint: "see what else is damaged: batchmgr verify")
        }
        return block
    }

    func undoTrees(of checkpoint: Int64, _ batch: String) throws(BatchError) {
        let conflicts = try virtualTables.undoTrees(of: checkpoint, batch, connection)
        self.conflicts += conflicts
        guard mode == .strict, let first = conflicts.first else { return }
        throw BatchError(
            .conflict, "a row of table \(first.table) is not as batch \(batch) left it",
            hint: "see the rows: batchmgr rollback --id \(batch) --dry-run")
    }
}
