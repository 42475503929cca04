internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// Who wants the lease of a database that a worker takes for one job of the queue after the other.
///
/// The lock of a file beside the records says that somebody waits: it goes with its process, and asking for it costs no
/// transaction.
struct LeaseWait {
    private let path: String

    /// Milliseconds to wait for a worker, which lets go after the batch that it is at.
    private static let patience: Int64 = 10_000
    /// Milliseconds between two tries.
    private static let gap: Int64 = 20

    /// - Throws: when the ledger cannot be read.
    init(_ session: Session) throws(BatchError) {
        path = "\(session.backups)/.waiting-\(try session.databaseID ?? "")"
    }

    /// Somebody waits. What a killed process left is removed.
    var isWanted: Bool {
        guard let file = try? File(reading: path) else { return false }
        guard file.tryLock() else { return true }
        Folder.remove(path)
        return false
    }

    /// Takes the lease, and waits where a worker has it that lets go of it soon.
    /// - Throws: what `take` throws; `ERR_PERF_BUSY` at once where somebody else has it.
    static func taking(
        _ session: Session, _ take: () throws(BatchError) -> Lease
    ) throws(BatchError) -> Lease {
        let context = session.context
        let end = context.clock.now() + patience
        var sign: Sign?
        defer { withExtendedLifetime(sign) {} }
        while true {
            let worker: LeaseTable.Row
            do throws(BatchError) {
                return try take()
            } catch {
                guard error.code == .busy, let row = self.worker(of: session), context.clock.now() < end,
                    context.stopWish() == .goOn
                else { throw error }
                worker = row
            }
            if sign == nil { sign = Sign(try LeaseWait(session).path) }
            // It may be at a program that writes the database, and does not wait for our lock.
            repeat {
                context.sleep(gap)
            } while !LeaseTable.mayHaveChanged(session.path, since: worker) && context.clock.now() < end
                && context.stopWish() == .goOn
        }
    }

    /// The locked file; it goes with this.
    private final class Sign {
        private let file: File

        init?(_ path: String) {
            guard let file = try? File(appendingTo: path), file.tryLock(),
                FileStatus(path)?.isSameFile(as: file.status) == true
            else { return nil }
            self.file = file
        }

        deinit { Folder.remove(file.path) }
    }

    private static func worker(of session: Session) -> LeaseTable.Row? {
        guard let row = try? LeaseTable(session.connection).read(), row.work.kind == LeaseWork.queue else { return nil }
        return row
    }
}
