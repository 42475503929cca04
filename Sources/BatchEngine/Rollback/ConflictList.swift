internal import BatchCore
internal import BatchLedger

/// Conflicts with the batches that caused them, for people and programs.
struct ConflictList {
    let session: Session
    let plan: RollbackPlan

    /// - Parameter isRefused: nothing was done, so nothing was kept or overwritten.
    func describe(_ conflicts: [UndoConflict], isRefused: Bool) throws(BatchError) -> [Conflict] {
        let last = plan.checkpoints.map(\.checkpoint.id).min() ?? 0
        var described: [Conflict] = []
        for conflict in conflicts {
            guard let key = conflict.key else { continue }
            let writer = try session.ledger.lastWriter(of: key, in: conflict.table, after: last)
            let other = writer.flatMap { writer in plan.order.contains { $0.seq == writer.seq } ? nil : writer }
            let row = conflict.row.map { JSONValue.object($0.map { .init($0.column, $0.value.json) }) }
            described.append(
                Conflict(
                    batch: other?.batch, table: conflict.table, key: key, reason: conflict.reason.rawValue,
                    expected: .string(conflict.expected), found: row ?? .string(conflict.found),
                    resolution: isRefused ? nil : conflict.isOverwritten ? .overwritten : .kept))
        }
        return described
    }
}
