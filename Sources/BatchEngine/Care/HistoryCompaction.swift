public import BatchCore
internal import BatchHistory
internal import BatchLedger

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
