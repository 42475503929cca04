internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

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
        let path = SigningKey.publicFile(session.backups)
        return Folder.exists(path) ? [try PublicKey(file: path)] : nil
    }

    private func readCommits(_ known: [PublicKey]?, _ found: inout Found) throws(BatchError) {
        var isSigned = false
        for commit in try session.git.messages(branch: session.branch).reversed() {
            let source = "commit \(commit.id.description.prefix(10))"
            guard commit.message.trailers.contains(where: SignedAuditHeads.isOurs) else {
                if isSigned {
                    found.findings.append(unsigned(source, "has no signed head, though one before it has"))
                }
                continue
            }
            isSigned = true
            guard let signed = SignedAuditHeads(commit.message.trailers), signed.isWhole(branch: session.branch) else {
                found.findings.append(unsigned(source, "bears heads that do not fit their signature"))
                continue
            }
            guard known?.contains(signed.key) == true else {
                found.findings.append(unsigned(source, "is signed with another key than the workspace's"))
                continue
            }
            found.commits += 1
            let isBaseline = commit.message[trailer: "Kind"] == BatchRecord.Kind.baseline.rawValue
            found.heads += signed.heads.map {
                Located(head: $0, source: source, isCommit: true, isBaseline: isBaseline)
            }
        }
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
                            "the signed head of rows behind \(last) is missing: \(FolderText.shown(file.path))"))
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
            found.findings.append(AuditFinding(.unsigned, place, seq: nil, "\(path) does not fit its signature"))
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
        if let control = try ControlAudit(reading: session.backups), let name = try control.name() {
            chains.append((.control, (name, try control.chain.table.last()?.seq ?? 0)))
        }
        return chains
    }

    private func unsigned(_ source: String, _ what: String) -> AuditFinding {
        AuditFinding(.unsigned, .ledger, seq: nil, "\(source) \(what)")
    }
}
