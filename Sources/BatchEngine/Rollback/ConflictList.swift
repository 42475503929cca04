internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Conflicts with the batches that caused them, for people and programs.
struct ConflictList {
    let session: Session
    let plan: RollbackPlan

    /// Of so many conflicts the rows are told; a person reads no more, and looking for them takes time.
    private static let mostRows = 100

    /// - Parameter isRefused: nothing was done, so nothing was kept or overwritten.
    func describe(_ conflicts: [UndoConflict], isRefused: Bool) throws(BatchError) -> [Conflict] {
        let last = plan.checkpoints.map(\.checkpoint.id).min() ?? 0
        let rows = ExpectedRows(session: session, plan: plan)
        var described: [Conflict] = []
        for conflict in conflicts {
            guard let key = conflict.key else { continue }
            let writer = try session.ledger.lastWriter(of: key, in: conflict.table, after: last)
            let other = writer.flatMap { writer in plan.order.contains { $0.seq == writer.seq } ? nil : writer }
            described.append(
                Conflict(
                    batch: other?.batch, table: conflict.table, key: key, reason: conflict.reason.rawValue,
                    expected: expected(conflict, key, described.count < ConflictList.mostRows ? rows : nil),
                    found: conflict.row.map { shown($0, conflict.layout) } ?? .string(conflict.found),
                    resolution: isRefused ? nil : conflict.isOverwritten ? .overwritten : .kept))
        }
        return described
    }

    /// The values, else the hash and why there is no more.
    private func expected(_ conflict: UndoConflict, _ key: RowKey, _ rows: ExpectedRows?) -> JSONValue {
        if let row = conflict.expectedRow { return shown(row, conflict.layout) }
        guard conflict.leavesRow, let layout = conflict.layout else { return .string(conflict.expected) }
        guard let rows else {
            return .string("\(conflict.expected); values are looked for in the first \(ConflictList.mostRows) rows")
        }
        guard let row = rows.row(conflict, key, layout) else {
            return .string("\(conflict.expected); its values are in no record that can be read")
        }
        return shown(layout.fields(of: row), layout)
    }

    private func shown(_ row: [Change.Field], _ layout: TableLayout?) -> JSONValue {
        if let layout, RowOwner(session)?.mayShow(row.map(\.value), of: layout) == false {
            return .string("a row of another tenant")
        }
        return .object(row.map { .init($0.column, $0.value.json) })
    }
}
