public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// `vacuum`: gives free pages of the database back to the disk, with every point still usable.
extension Session {
    /// - Throws: `ERR_PERF_BUSY` when somebody is at work on the database.
    public func vacuum() throws(BatchError) -> VacuumReport {
        let before = DatabaseFile(path).size
        let turn = try self.turn(for: LeaseWork("vacuum"))
        if try ledger.exists() { _ = try turn.openHistory() }
        context.phase("vacuum of \(path)")
        try DatabaseVacuum(session: self).perform()
        let after = DatabaseFile(path).size
        if try ledger.exists() {
            try ledger.audit(
                "vacuum", batch: nil, outcome: "done",
                details: ["bytes_before": .integer(before), "bytes_after": .integer(after)], context: context)
        }
        DriftDetection(session: turn.session).remember(version: connection.dataVersion)
        return VacuumReport(before: before, after: after)
    }
}

/// Merges the packs of the history into one.
public struct HistoryCompaction {
    private let session: Session

    public init(_ session: Session) { self.session = session }

    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when there is no history; `ERR_DATA_CORRUPT_RECORD` when a pack is damaged:
    ///   nothing has changed then.
    public func perform() throws(BatchError) -> CompactReport {
        try session.requireOperator("history compact")
        let start = ContinuousClock.now
        let turn = try session.plainTurn(for: LeaseWork("history compact"))
        session.context.phase("merging the packs of the history")
        let merged = try turn.session.git.compact()
        return CompactReport(
            packs: (merged.packsBefore, merged.packsAfter), objects: merged.objects,
            bytes: (merged.bytesBefore, merged.bytesAfter), duration: start.millisecondsSince)
    }
}
