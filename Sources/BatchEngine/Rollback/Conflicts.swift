internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Conflicts with the batches that caused them, for people and programs.
struct ConflictList {
    let session: Session
    let scope: RollbackScope

    /// Of so many conflicts the rows are told; a person reads no more, and looking for them takes time.
    private static let mostRows = 100

    /// - Parameter isRefused: nothing was done, so nothing was kept or overwritten.
    func describe(_ conflicts: [UndoConflict], isRefused: Bool) throws(BatchError) -> [Conflict] {
        let last = scope.checkpoints.map(\.checkpoint.id).min() ?? 0
        let rows = ExpectedRows(session: session, scope: scope)
        var described: [Conflict] = []
        for conflict in conflicts {
            guard let key = conflict.key else { continue }
            let writer =
                conflict.reason == .schema
                ? try session.ledger.lastDefiner(of: conflict.table, after: last)
                : try session.ledger.lastWriter(of: key, in: conflict.table, after: last)
            let other = writer.flatMap { writer in scope.order.contains { $0.seq == writer.seq } ? nil : writer }
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
            return .string(
                "\(conflict.expected); values are only looked for in the first \(ConflictList.mostRows) rows")
        }
        guard let row = rows.row(conflict, key, layout) else {
            return .string("\(conflict.expected); no readable record has its values")
        }
        return shown(layout.fields(of: row), layout)
    }

    private func shown(_ row: [Change.Field], _ layout: TableLayout?) -> JSONValue {
        if let layout, RowOwner(session)?.mayShow(row.map(\.value), of: layout) == false {
            return .string("a row of another tenant")
        }
        return .object(row.map { .init($0.column, $0.value.json) })
    }

    /// What a batch left of rows that others have changed since. An undo needs just the hash of such a row, so its
    /// values are looked for only when there is something to tell: in the commit of the batch, and in what later
    /// batches noted before they changed it.
    final class ExpectedRows {
        private let session: Session
        private let scope: RollbackScope
        private var commits: [String: PointRows?] = [:]
        /// The undo log may be long, and is gone through once for each row: for so long at most.
        private static let patience = Duration.seconds(2)
        private let start = ContinuousClock.now

        init(session: Session, scope: RollbackScope) {
            self.session = session
            self.scope = scope
        }

        /// The stored values; nil when no record that can be read has them.
        func row(_ conflict: UndoConflict, _ key: RowKey, _ layout: TableLayout) -> [SQLValue]? {
            let own = scope.checkpoints.filter { $0.batch == conflict.batch }.map(\.checkpoint)
            guard let last = own.map(\.id).max() else { return nil }
            if let row = committed(last, own[0].batch, key, layout), isAsLeft(row, conflict, layout) { return row }
            guard ContinuousClock.now - start < ExpectedRows.patience, conflict.left != nil else { return nil }
            let row = logged(Set(own.map(\.id)), key, layout, conflict.row?.map(\.value))
            return row.flatMap { isAsLeft($0, conflict, layout) ? $0 : nil }
        }

        private func isAsLeft(_ row: [SQLValue], _ conflict: UndoConflict, _ layout: TableLayout) -> Bool {
            // A table that hides its rowid is numbered by its commit as it likes.
            conflict.left.map { RowCodec.hash(row).low == $0 } ?? (layout.key != .rowid(alias: nil))
        }

        private func committed(_ checkpoint: Int64, _ batch: Int64, _ key: RowKey, _ layout: TableLayout) -> [SQLValue]?
        {
            let points = try? session.ledger.points(where: "batch = ? AND status = 'complete'", [.integer(batch)])
            guard let id = points?.first(where: { $0.lastCheckpoint >= checkpoint })?.commit else { return nil }
            if commits[id] == nil { commits[id] = .some(CommitID(id).flatMap { try? PointRows(session.git, at: $0) }) }
            return (try? commits[id]??.row(key, of: layout)) ?? nil
        }

        private func logged(
            _ own: Set<Int64>, _ key: RowKey, _ layout: TableLayout, _ now: [SQLValue]?
        ) -> [SQLValue]? {
            let history = try? RowHistory(session.ledger, of: key, in: layout, row: now) { (_, _) in nil }
            return history?.versions.first { $0.checkpoint.map(own.contains) ?? false }?.after
        }
    }
}

/// Lists every row that stands in the way of a rollback, and who changed it. Everything it does is thrown away.
struct ConflictSearch {
    let session: Session
    let scope: RollbackScope
    let record: UndoRecord

    func find() throws(BatchError) -> [Conflict] {
        let gateway = try Gateway(session.connection, spillFolder: session.backups)
        let undo = Undo(gateway)
        try undo.open()
        defer { undo.close() }
        let outcome: Undo.Outcome
        do throws(BatchError) {
            outcome = try undo.perform(scope.checkpoints, from: record, collecting: true)
        } catch {
            // A change of the schema ends the search: there are no rows to list.
            guard error.code == .schemaChanged || error.code == .conflict else { throw error }
            return []
        }
        gateway.rollback()
        return try ConflictList(session: session, scope: scope).describe(outcome.conflicts, isRefused: true)
    }
}
