internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// The newest signed head of a chain, beside the history: it covers the rows that no commit covers yet.
struct AuditHeadFile {
    /// What is signed for these in the place of a branch.
    static let branch = "-"

    let folder: String
    /// The name of the chain.
    let chain: String

    var path: String { "\(folder)/audit-heads/\(chain).head" }

    /// Keeps the head that is there, when the chain is not what it says, as evidence; a new one is written beside it.
    func keepEvidence(against table: AuditTable) throws(BatchError) {
        guard let text = try? read(path), let signed = SignedAuditHeads(text: text),
            signed.isWhole(branch: AuditHeadFile.branch), let head = signed.heads.first
        else { return }
        let hash = try table.connection.value(
            "SELECT hash FROM main.batchmgr_audit WHERE seq = ?", [.integer(head.seq)])
        if hash?.string != head.hash {
            try DurableFile.rename(path, to: "\(folder)/audit-heads/\(chain).\(head.seq).head")
        }
    }

    /// Without syncing: a file that a power cut takes back is an older one, or is written by the next command.
    func write(_ head: AuditHead) throws(BatchError) {
        let signed = try SignedAuditHeads(
            signing: [head], branch: AuditHeadFile.branch, with: try SigningKey(folder: folder))
        try Folder.create(folder + "/audit-heads")
        let temporary = try TemporaryFile(for: path)
        try temporary.file.write(Array(signed.text.utf8))
        try temporary.rename()
    }

    /// The newest head, and those that were kept as evidence; none when there is no file.
    func read() throws(BatchError) -> [String] {
        let names = try FolderText.names(in: folder + "/audit-heads").filter {
            $0.hasPrefix(chain + ".") && $0.hasSuffix(".head")
        }
        return try names.map { (name) throws(BatchError) in try read("\(folder)/audit-heads/\(name)") }
    }

    /// The heads of all chains of a place in a folder, with the files that hold them.
    static func heads(of place: AuditPlace, in folder: String) -> [(path: String, head: AuditHead)] {
        let names = ((try? FolderText.names(in: folder + "/audit-heads")) ?? []).filter { $0.hasSuffix(".head") }
        return names.sorted().compactMap { name in
            let path = "\(folder)/audit-heads/\(name)"
            guard let bytes = try? DurableFile.read(path),
                let signed = SignedAuditHeads(text: String(decoding: bytes, as: UTF8.self)),
                signed.isWhole(branch: branch), let head = signed.heads.first, head.place == place
            else { return nil }
            return (path, head)
        }
    }

    private func read(_ path: String) throws(BatchError) -> String {
        String(decoding: try DurableFile.read(path), as: UTF8.self)
    }
}

/// The audit chain of `control.db`.
struct ControlChain {
    let connection: Connection
    let chain: AuditChain

    /// Opens it to be read, unless the command has it open; nil when there is none.
    init?(reading folder: String, _ context: Context) throws(BatchError) {
        guard Folder.exists(ControlChain.path(folder)) else { return nil }
        if let known = context.opened.known(in: folder)?.connection {
            connection = known
        } else {
            connection = try ControlChain.reader(ControlChain.path(folder))
        }
        chain = AuditChain(.control, on: connection)
        guard try chain.table.exists() else { return nil }
    }

    /// A file in WAL mode on read-only storage can be read when nobody can change it.
    private static func reader(_ path: String) throws(BatchError) -> Connection {
        let connection = try Connection(path: path, mode: .readOnly)
        do throws(BatchError) {
            _ = try connection.value("SELECT count(*) FROM main.sqlite_schema")
            return connection
        } catch {
            guard error.code == .readOnly || error.code == .file else { throw error }
            return try Connection(path: path, mode: .immutable)
        }
    }

    private static func path(_ folder: String) -> String { folder + "/control.db" }

    func name() throws(BatchError) -> String? {
        try ControlFile.auditName(connection)
    }

    func head() throws(BatchError) -> AuditHead? {
        let chain = chain
        guard let name = try name() else { return nil }
        return try connection.transaction { () throws(BatchError) in try chain.head(chain: name) }
    }
}
