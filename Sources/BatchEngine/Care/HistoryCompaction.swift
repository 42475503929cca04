public import BatchCore
internal import BatchHistory

/// Merges the packs of the history into one.
public struct HistoryCompaction {
    private let session: Session
    private let control: any ControlStore

    public init(_ session: Session) throws(BatchError) {
        self.session = session
        control = try session.control()
    }

    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when there is no history; `ERR_DATA_CORRUPT_RECORD` when a pack is damaged:
    ///   nothing has changed then.
    public func perform() throws(BatchError) -> CompactReport {
        try session.requireOperator("history compact")
        let start = ContinuousClock.now
        let lease = try Lease(
            control, folder: session.controlFolder, database: session.path, work: "history compact",
            context: session.context)
        defer { withExtendedLifetime(lease) {} }
        let merged = try session.git.compact()
        return CompactReport(
            packs: (merged.packsBefore, merged.packsAfter), objects: merged.objects,
            bytes: (merged.bytesBefore, merged.bytesAfter), duration: start.millisecondsSince)
    }
}
