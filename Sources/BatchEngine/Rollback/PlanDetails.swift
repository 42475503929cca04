internal import BatchCore
internal import BatchLedger

/// What a plan tells people beside what it binds.
struct PlanDetails {
    let session: Session
    let plan: RollbackPlan

    /// Rows named one by one in a plan; of larger ones it has the counts alone.
    private static let mostRows = 1_000

    /// - Parameters:
    ///   - checkpoint: of the rehearsed rollback, in the open transaction; all behind it belong to it too.
    ///   - milliseconds: that the rehearsal took.
    func members(from checkpoint: Int64, milliseconds: Double) throws(BatchError) -> [JSONValue.Member] {
        let rows = try preview(from: checkpoint)
        return [
            .init("dependents", .array(plan.reports.map(\.json))),
            .init("exempt", .array(plan.summaries(plan.exempt).map(\.json))),
            .init("preview", .object(rows.members(.none))),
            .init("estimate_ms", JSONValue(Int(milliseconds.rounded(.up)))),
            .init("created_at", .string(session.context.now().iso8601)), .init("actor", .string(session.context.actor)),
        ]
    }

    private func preview(from checkpoint: Int64) throws(BatchError) -> ChangesReport {
        let ledger = session.ledger
        let made = try ledger.checkpoints(where: "id >= ?", [.integer(checkpoint)])
        let count = made.reduce(0) { $0 + $1.rows.total }
        var list = ChangeList(table: nil, isStatistics: count > PlanDetails.mostRows)
        let changes = try BatchChanges(ledger, checkpoints: made.map(\.id))
        for table in changes.tables {
            guard let layout = table.after ?? table.before, list.wants(layout) else { continue }
            try changes.forEachChange(of: table) { (row) throws(BatchError) in
                list.add(row, before: table.before, after: table.after)
            }
        }
        return list.report()
    }
}
