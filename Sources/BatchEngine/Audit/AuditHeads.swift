internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem
internal import Synchronization

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
        guard let text = try? read(path), let signed = SignedAuditHeads(text: text), let head = signed.heads.first
        else { return }
        // A signature of our own need not be proven.
        let isOurs = AuditHeadFile.written.withLock { $0[path] } == text
        guard isOurs || signed.isWhole(branch: AuditHeadFile.branch) else { return }
        let hash = try table.connection.value(
            "SELECT hash FROM main.batchmgr_audit WHERE seq = ?", [.integer(head.seq)])
        if hash?.string != head.hash {
            try DurableFile.rename(path, to: "\(folder)/audit-heads/\(chain).\(head.seq).head")
        }
    }

    /// Without syncing: a file that a power cut takes back is an older one, or is written by the next command.
    func write(_ head: AuditHead) throws(BatchError) {
        let signed = try SignedAuditHeads(
            signing: [head], branch: AuditHeadFile.branch, with: try SigningKey.kept(folder: folder))
        try Folder.create(folder + "/audit-heads")
        let temporary = try TemporaryFile(for: path)
        let text = signed.text
        try temporary.file.write(Array(text.utf8))
        try temporary.rename()
        AuditHeadFile.written.withLock { $0[path] = text }
    }

    /// What this process wrote last, by path.
    private static let written = Mutex<[String: String]>([:])

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

/// Collects the signed heads of a database: from the commits of its branch, and from the files beside the history.
struct AuditHeadSearch {
    struct Located {
        let head: AuditHead
        /// Where it was found, in words.
        let source: String
        let isCommit: Bool
        /// The commit begins the history of a database.
        let isBaseline: Bool
    }

    struct Found {
        /// Those of commits first, the oldest first.
        var heads: [Located] = []
        var findings: [AuditFinding] = []
        /// Why heads that should be in git are not there.
        var lost: BatchError?
        var commits = 0
        var files = 0

        var sources: String {
            [Counted.text(commits, "commit"), Counted.text(files, "head file")].joined(separator: " and ")
        }
    }

    let session: Session
    let keys: [PublicKey]?

    func find() throws(BatchError) -> Found {
        var found = Found()
        let known = try acceptedKeys()
        try readCommits(known, &found)
        try readFiles(known, &found)
        return found
    }

    /// Nil when nothing was ever signed here.
    private func acceptedKeys() throws(BatchError) -> [PublicKey]? {
        if let keys { return keys }
        let isThere = ["signing.pub", "signing.key"].contains { Folder.exists("\(session.backups)/\($0)") }
        return isThere ? try SigningKey.publicKeys(ofFolder: session.backups) : nil
    }

    private func readCommits(_ known: [PublicKey]?, _ found: inout Found) throws(BatchError) {
        var isSigned = false
        for commit in try commits(&found).reversed() {
            let source = "commit \(commit.id.description.prefix(10))"
            guard commit.message.trailers.contains(where: SignedAuditHeads.isOurs) else {
                if isSigned {
                    found.findings.append(unsigned(source, "has no signed head, although an earlier one has"))
                }
                continue
            }
            isSigned = true
            guard let signed = SignedAuditHeads(commit.message.trailers), signed.isWhole(branch: session.branch) else {
                found.findings.append(unsigned(source, "has heads that do not match their signature"))
                continue
            }
            guard known?.contains(signed.key) == true else {
                found.findings.append(unsigned(source, "is signed with a key that is not the workspace's"))
                continue
            }
            found.commits += 1
            let isBaseline = commit.message[trailer: "Kind"] == BatchRecord.Kind.baseline.rawValue
            found.heads += signed.heads.map {
                Located(head: $0, source: source, isCommit: true, isBaseline: isBaseline)
            }
        }
    }

    /// The commits of the branch, the last first; none when they cannot be read.
    private func commits(_ found: inout Found) throws(BatchError) -> [(id: CommitID, message: PointMessage)] {
        do throws(BatchError) {
            let commits = try session.git.messages(branch: session.branch)
            if let last = try lastCommit(), !commits.contains(where: { $0.id == last }) {
                if commits.isEmpty, try isOnAnotherBranch(last) { return [] }
                let what =
                    commits.isEmpty ? "there is no branch \(session.branch)" : "the branch \(session.branch) lacks it"
                found.lost = lost("the signed heads of commit \(last.description.prefix(10)) are gone: \(what)")
            }
            return commits
        } catch {
            switch error.code {
            case .git, .corruptRecord, .file, .readOnly:
                found.lost = lost("the signed heads cannot be read: \(error.message)")
            default: throw error
            }
            return []
        }
    }

    /// A ledger of version 0.1 may have shared a branch with another, and has one of its own from its next commit on.
    private func isOnAnotherBranch(_ commit: CommitID) throws(BatchError) -> Bool {
        for name in try session.git.tips().keys
        where try session.git.messages(branch: name).contains(where: { $0.id == commit }) {
            return true
        }
        return false
    }

    /// That of the last point whose copies are complete.
    private func lastCommit() throws(BatchError) -> CommitID? {
        guard try session.ledger.exists() else { return nil }
        let point = try session.ledger.lastPoint(where: "status = 'complete' AND commit_id IS NOT NULL")
        return point?.commit.flatMap { CommitID($0) }
    }

    private func lost(_ message: String) -> BatchError {
        BatchError(
            .corruptRecord, "\(message), in \(FolderText.shown(session.git.path))",
            hint:
                "put the folder back from a clone or a backup; the .bak files still restore: \(command: "restore --point latest --source bak --to FILE")"
        )
    }

    private func readFiles(_ known: [PublicKey]?, _ found: inout Found) throws(BatchError) {
        for (place, name) in try chains() {
            let file = AuditHeadFile(folder: session.backups, chain: name.chain)
            let covered = found.heads.filter { $0.head.place == place && $0.head.chain == name.chain }.map(\.head.seq)
            let texts = try file.read()
            if texts.isEmpty {
                // A commit covers the rest, or there is nothing yet to compare with.
                if let last = covered.max(), last < name.last {
                    found.findings.append(
                        AuditFinding(
                            .unsigned, place, seq: last + 1,
                            "the signed head of rows after \(last) is missing: \(FolderText.shown(file.path))"))
                }
            }
            for text in texts { read(text, of: place, file, known, &found) }
        }
    }

    private func read(
        _ text: String, of place: AuditPlace, _ file: AuditHeadFile, _ known: [PublicKey]?, _ found: inout Found
    ) {
        guard let signed = SignedAuditHeads(text: text), signed.isWhole(branch: AuditHeadFile.branch),
            known?.contains(signed.key) == true
        else {
            let path = FolderText.shown(file.path)
            found.findings.append(AuditFinding(.unsigned, place, seq: nil, "\(path) does not match its signature"))
            return
        }
        found.files += 1
        found.heads += signed.heads.map {
            Located(head: $0, source: "the head file", isCommit: false, isBaseline: false)
        }
    }

    private func chains() throws(BatchError) -> [(AuditPlace, (chain: String, last: Int64))] {
        var chains: [(AuditPlace, (chain: String, last: Int64))] = []
        if try session.ledger.exists(), let id = try session.ledger.meta("database_id") {
            let table = AuditTable(session.connection)
            if try table.exists() { chains.append((.ledger, (id, try table.last()?.seq ?? 0))) }
        }
        if let control = try ControlChain(reading: session.backups, session.context), let name = try control.name() {
            chains.append((.control, (name, try control.chain.table.last()?.seq ?? 0)))
        }
        return chains
    }

    private func unsigned(_ source: String, _ what: String) -> AuditFinding {
        AuditFinding(.unsigned, .ledger, seq: nil, "\(source) \(what)")
    }
}
