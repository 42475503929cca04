internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// The second half of an erasure, after the commit in the database: references and files follow.
///
/// What there is to do lies in a folder, and the ledger names it in the same transaction that erases the rows. So a
/// crash leaves either nothing to do, or all that is needed to finish.
struct PendingErasure {
    static let key = "pending_erasure"

    let session: Session

    private var ledger: Ledger { session.ledger }
    private var plan: String { PendingErasure.folder(session) + "/plan.json" }

    static func folder(_ session: Session) -> String { session.backups + "/erase-pending" }

    /// Writes down what is to be done; the caller's transaction makes it binding.
    func intend(table: String, commits: [CommitID: CommitID], token: String) throws(BatchError) {
        let pairs = commits.map { JSONValue.Member($0.key.description, .string($0.value.description)) }
        let text = JSONWriter.text(["token": .string(token), "table": .string(table), "commits": .object(pairs)])
        try DurableFile.write(Array(text.utf8), to: plan)
        try ledger.setMeta(PendingErasure.key, token)
    }

    /// One is binding, and not at its end.
    var isThere: Bool { (try? ledger.meta(PendingErasure.key))?.isEmpty == false }

    /// Does what is left to do; nothing when there is nothing.
    func finish() throws(BatchError) {
        let folder = PendingErasure.folder(session)
        guard let token = try ledger.meta(PendingErasure.key), !token.isEmpty else {
            // It was never binding.
            return try Folder.removeAll(folder)
        }
        guard let json = try? JSONParser.parse(String(decoding: try DurableFile.read(plan), as: UTF8.self)),
            json["token"]?.string == token
        else {
            throw BatchError(
                .corruptRecord, "the plan of an erasure that was interrupted is lost: \(plan)",
                hint: "restore that file, then: \(command: "verify")")
        }
        try session.keepCommits()
        let git = session.git.exists ? try GitErasure(session.git, table: json["table"]?.string ?? "") : nil
        var map: [CommitID: CommitID] = [:]
        for pair in json["commits"]?.members ?? [] {
            if let old = CommitID(pair.key), let new = pair.value.string.flatMap({ CommitID($0) }) { map[old] = new }
        }
        try git?.publish(map)
        try replaceFiles(from: folder)
        try git?.purge()
        try session.connection.transaction { () throws(BatchError) in try ledger.setMeta(PendingErasure.key, "") }
        try Folder.removeAll(folder)
    }

    /// Puts the new files into the place of the old ones, and removes every other file of this database.
    private func replaceFiles(from folder: String) throws(BatchError) {
        for name in try FolderText.names(in: folder) where BakFile.Name(name) != nil {
            try DurableFile.move("\(folder)/\(name)", to: "\(session.backups)/\(name)")
        }
        let kept = Set(try ledger.points(where: "bak IS NOT NULL").compactMap(\.bak))
        let owner = session.bakOwner
        for file in try BakStore(folder: session.backups).contents().files where owner.owns(file) {
            if !kept.contains(file.name) { Folder.remove(file.path) }
        }
    }
}
