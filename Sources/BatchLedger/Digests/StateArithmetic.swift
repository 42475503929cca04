public import BatchCore

extension StateDigest {
    /// The state before the given checkpoints, which must be the last ones. The digest of the schema stays: the ledger
    /// does not keep how it changed.
    public func subtracting(_ checkpoints: [Int64], _ ledger: Ledger) throws(BatchError) -> StateDigest {
        var state = self
        for checkpoint in checkpoints {
            for (_, table) in try ledger.changedTables(of: checkpoint) {
                state.tables[table.layout.name, default: TableDigest()] -= table.change
            }
        }
        return state
    }

    /// Goes back over what a restore point serves for.
    mutating func subtract(_ part: UndoPart, _ ledger: Ledger) throws(BatchError) {
        switch part {
        case .whole(let run): subtract(run.changes)
        case .some(let run): self = try subtracting(run.checkpoints.map(\.id), ledger)
        }
    }

    private mutating func subtract(_ run: any NetChanges) {
        let (old, new) = (run.before.digest.tables, run.after.digest.tables)
        for name in Set(old.keys).union(new.keys) where old[name] != new[name] {
            var change = new[name] ?? TableDigest()
            change -= old[name] ?? TableDigest()
            tables[name, default: TableDigest()] -= change
        }
    }
}
