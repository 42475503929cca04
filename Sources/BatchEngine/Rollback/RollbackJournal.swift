internal import BatchCore
internal import BatchHistory
internal import BatchSystem

/// `rollback_<batchID>_<ts>.log`: each decision and action of one rollback as a line of JSON, on disk before the next.
final class RollbackJournal {
    let path: String
    private let file: File
    private let context: Context
    private let batch: LoggedBatch

    init(session: Session, batch: BatchID) throws(BatchError) {
        context = session.context
        self.batch = LoggedBatch(name: batch.description)
        try Folder.create(session.backups)
        path = "\(session.backups)/rollback_\(batch)_\(context.now().compact).log"
        file = try File(appendingTo: path)
        try Folder.sync(session.backups)
    }

    /// A line that cannot be written does not stop a rollback: the ledger has the record that counts.
    func write(_ event: String, _ details: JSONValue = [:]) {
        let isBad = event == "refused"
        context.log.write(
            isBad ? .warn : .info, "rollback.\(event)", "rollback of \(batch.name): \(event)", module: .rollback,
            batch: batch)
        let line: JSONValue = .object(
            [.init("at", .string(context.now().iso8601)), .init("event", .string(event))] + (details.members ?? []))
        do throws(BatchError) {
            try file.write(Array((JSONWriter.text(line) + "\n").utf8))
            try file.sync()
        } catch {
            context.log.write(
                .warn, "rollback.log", "\(path) misses a line: \(error.logMessage)", module: .rollback, batch: batch)
        }
    }
}
