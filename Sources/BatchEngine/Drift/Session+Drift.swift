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
    public func undoDrift() throws(BatchError) -> DriftUndo {
        let adopted: RunReport
        do throws(BatchError) {
            adopted = try DriftAdoption(self).perform()
        } catch {
            guard error.code == .schemaChanged else { throw error }
            return .restored(try InPlaceRestore(self).perform(.revision(try lastCommit())))
        }
        return .rolledBack(
            try Rollback(self).perform(RollbackRequest(batch: .batch(adopted.batch), mode: .restrict)))
    }

    /// Of the state that the ledger knows.
    private func lastCommit() throws(BatchError) -> String {
        guard let commit = try ledger.points(where: "status = 'complete' AND commit_id IS NOT NULL").last?.commit else {
            throw BatchError(
                .noRestorePoint, "no restore point tells what the database was before",
                hint: "see which there are: batchmgr points")
        }
        return commit
    }
}

/// How drift was taken back.
public enum DriftUndo: Sendable {
    case rolledBack(Rollback.Outcome)
    case restored(RunReport)
}
