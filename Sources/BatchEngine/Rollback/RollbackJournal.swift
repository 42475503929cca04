internal import BatchCore
internal import BatchHistory
internal import Glibc

/// `rollback_<batchID>_<ts>.log`: each decision and action of one rollback as a line of JSON, on disk before the next.
final class RollbackJournal {
    let path: String
    private let descriptor: Int32
    private let context: Context
    private let batch: LoggedBatch

    init(session: Session, batch: BatchID) throws(BatchError) {
        context = session.context
        self.batch = LoggedBatch(name: batch.description)
        try Folder.create(session.backups)
        path = "\(session.backups)/rollback_\(batch)_\(context.now().compact).log"
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw BatchError(
                errno == ENOSPC ? .diskFull : .file, "write \(path): \(String(cString: strerror(errno)))",
                hint: "see disk and permissions: \(command: "doctor")")
        }
    }

    deinit { close(descriptor) }

    /// A line that cannot be written does not stop a rollback: the ledger has the record that counts.
    func write(_ event: String, _ details: JSONValue = [:]) {
        let isBad = event == "refused"
        context.log.write(
            isBad ? .warn : .info, "rollback.\(event)", "rollback of \(batch.name): \(event)", module: .rollback,
            batch: batch)
        let line: JSONValue = .object(
            [.init("at", .string(context.now().iso8601)), .init("event", .string(event))] + (details.members ?? []))
        let bytes = Array((JSONWriter.text(line) + "\n").utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
