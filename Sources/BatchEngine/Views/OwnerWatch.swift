internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// Tells whether a batch that the ledger calls running still has a process.
struct OwnerWatch {
    let session: Session

    /// The state as it is to be shown: a batch whose process has died is stopped, though nobody has noted it yet.
    func status(of batch: BatchRecord) -> BatchStatus {
        batch.status == .running && hasDied(batch.batch) ? .stopped : batch.status
    }

    /// False when it cannot be told, because the lease cannot be read.
    private func hasDied(_ batch: BatchID) -> Bool {
        do throws(BatchError) {
            guard let row = try LeaseTable(session.connection).read() else { return true }
            return !row.isHeld || row.work.batch != "\(batch)"
        } catch {
            return false
        }
    }
}
