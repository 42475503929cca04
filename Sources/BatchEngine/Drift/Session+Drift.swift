public import BatchCore
internal import BatchHistory
internal import BatchLedger

extension Session {
    /// `drift show`
    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when no copy tells what the rows were; `ERR_UX_USAGE` for a table that is not.
    public func drift(_ request: DriftRequest) throws(BatchError) -> DriftReport {
        if let name = request.table { _ = try table(named: name) }
        return try reading { () throws(BatchError) in
            let drift = try DriftSearch(session: self).find()
            var list = ChangeList(table: request.table, isStatistics: request.isStatistics, owner: RowOwner(self))
            for table in drift?.tables ?? [] {
                guard let layout = table.after ?? table.before, list.wants(layout) else { continue }
                for change in table.changes { list.add(change, before: table.before, after: table.after) }
            }
            return DriftReport(
                changes: list.report(), hasSchemaChange: drift?.hasSchemaChange ?? false,
                isTracked: drift?.isTracked ?? false)
        }
    }

    /// `drift undo`
    public func undoDrift() throws(BatchError) -> Rollback.Outcome {
        let adopted = try DriftAdoption(self).perform()
        return try Rollback(self).perform(RollbackRequest(batch: .batch(adopted.batch), mode: .restrict))
    }
}
