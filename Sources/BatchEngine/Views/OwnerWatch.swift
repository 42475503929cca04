internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Tells whether a batch that the ledger calls running still has a process.
struct OwnerWatch {
    let session: Session

    /// The state as it is to be shown: a batch whose process has died is stopped, though nobody has noted it yet.
    func status(of batch: BatchRecord) -> BatchStatus {
        batch.status == .running && hasDied(batch.batch) ? .stopped : batch.status
    }

    /// False when it cannot be told, because the leases cannot be read.
    private func hasDied(_ batch: BatchID) -> Bool {
        guard Folder.exists(session.controlFolder + "/control.db") else { return true }
        do throws(BatchError) {
            let control = try session.control()
            guard let holder = try control.holder(of: session.path) else { return true }
            // One batch at a time: an owner that is busy with something else has left this one.
            let isOther =
                holder.work != "\(batch)" && holder.work != batch.job && !holder.work.hasPrefix(batch.job + " ")
            return isOther || !holder.isAlive(at: session.context.now())
        } catch {
            return false
        }
    }
}
