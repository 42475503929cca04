internal import BatchCore
internal import BatchLedger

/// Lists every row that stands in the way of a rollback, and who changed it. Everything it does is thrown away.
struct ConflictSearch {
    let session: Session
    let plan: RollbackPlan
    let record: UndoRecord

    func find() throws(BatchError) -> [Conflict] {
        let gateway = try Gateway(session.connection, spillFolder: session.backups)
        let undo = Undo(gateway)
        try undo.open()
        defer { undo.close() }
        let outcome: Undo.Outcome
        do throws(BatchError) {
            outcome = try undo.perform(plan.checkpoints, from: record, collecting: true)
        } catch {
            // A change of the schema ends the search: there are no rows to list.
            guard error.code == .schemaChanged || error.code == .conflict else { throw error }
            return []
        }
        gateway.rollback()
        let last = plan.checkpoints.map(\.checkpoint.id).min() ?? 0
        var conflicts: [Conflict] = []
        for conflict in outcome.conflicts {
            guard let key = conflict.key else { continue }
            let writer = try session.ledger.lastWriter(of: key, in: conflict.table, after: last)
            let other = writer.flatMap { writer in plan.order.contains { $0.seq == writer.seq } ? nil : writer }
            conflicts.append(
                Conflict(
                    batch: other?.batch, table: conflict.table, key: key, reason: conflict.reason.rawValue,
                    expected: .string(conflict.expected), found: .string(conflict.found)))
        }
        return conflicts
    }
}
