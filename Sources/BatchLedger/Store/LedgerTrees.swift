internal import BatchCore

extension Ledger {
    /// Notes which rows of R*Trees a checkpoint changed. Call it when the undo log of the checkpoint is written.
    ///
    /// The rows are cells of nodes, and a node that is split moves rows that nobody changed: so what the tables of the
    /// tree saw would name too many.
    func writeTreeFacts(_ tracks: [CapturedTable], checkpoint: Int64) throws(BatchError) {
        for track in tracks where track.isTouched {
            guard case .shadow(let owner) = track.layout.role, track.layout.name == owner + "_rowid" else { continue }
            let module = try VirtualTableUndo.module(of: owner, connection)
            guard module.isTree else { continue }
            let rows = Relation.rows(owner)
            guard let changes = try treeChanges(owner, module, checkpoint) else {
                // Somebody wrote to the tables of the tree themselves.
                try write(rows, .added, track.added, checkpoint)
                try write(rows, .changed, track.changed, checkpoint)
                try write(rows, .removed, track.removed, checkpoint)
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
