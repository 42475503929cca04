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
        return try ConflictList(session: session, plan: plan).describe(outcome.conflicts, isRefused: true)
    }
}
