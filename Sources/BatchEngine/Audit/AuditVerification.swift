internal import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Walks both chains and holds them against the signed heads.
struct AuditVerification {
    /// Findings that are told one by one.
    private static let limit = 50

    let session: Session
    /// With which heads may be signed; nil for the key of the workspace.
    let keys: [PublicKey]?

    func report() throws(BatchError) -> AuditReport {
        let start = ContinuousClock.now
        let heads = try AuditHeadSearch(session: session, keys: keys).find()
        var checks: [Check] = []
        var findings: [AuditFinding] = []
        var rows: [AuditPlace: Int64] = [:]
        for place in AuditPlace.allCases {
            guard let chain = try chain(place) else {
                let found = absent(place, heads)
                findings += found
                checks += found.map(AuditVerification.failed)
                continue
            }
            let own = heads.heads.filter { $0.head.place == place && $0.head.chain == chain.name }
            let walk = try AuditWalk(chain.chain, noting: Set(own.map(\.head.seq))).perform()
            let found = walk.findings + disagreements(own, walk, place)
            findings += found
            rows[place] = walk.rows
            checks += chainChecks(place, walk, found)
        }
        let others = heads.findings + replaced(heads, try chainNames())
        let lost = heads.lost.map { [AuditFinding(.unsigned, .ledger, seq: nil, $0.message)] } ?? []
        findings += others + lost
        checks += others.prefix(AuditVerification.limit).map(AuditVerification.failed)
        checks += heads.lost.map { [Check.failed("git", $0)] } ?? []
        checks += headChecks(heads, others + lost)
        return AuditReport(
            checks: checks, findings: findings, rows: rows, heads: heads.heads.count, duration: start.millisecondsSince)
    }

    // MARK: Chains

    private func chain(_ place: AuditPlace) throws(BatchError) -> (chain: AuditChain, name: String)? {
        switch place {
        case .ledger:
            guard try session.ledger.exists() else { return nil }
            let chain = AuditChain(.ledger, on: session.connection)
            return try chain.table.exists() ? (chain, try session.ledger.meta("database_id") ?? "") : nil
        case .control:
            guard let control = try ControlChain(reading: session.backups, session.context) else { return nil }
            return (control.chain, try control.name() ?? "")
        }
    }

    private func chainNames() throws(BatchError) -> [AuditPlace: String] {
        var names: [AuditPlace: String] = [:]
        for place in AuditPlace.allCases { names[place] = try chain(place)?.name }
        return names
    }

    private func absent(_ place: AuditPlace, _ heads: AuditHeadSearch.Found) -> [AuditFinding] {
        guard let last = heads.heads.last(where: { $0.head.place == place }) else { return [] }
        let what = place == .ledger ? "the ledger has no audit" : "control.db has no audit"
        return [AuditFinding(.replaced, place, seq: 1, "\(what), and \(last.source) names its row \(last.head.seq)")]
    }

    private func chainChecks(_ place: AuditPlace, _ walk: AuditWalk.Result, _ found: [AuditFinding]) -> [Check] {
        let name = "audit \(place.rawValue)"
        var checks = found.prefix(AuditVerification.limit).map(AuditVerification.failed)
        if found.isEmpty {
            checks.append(.passed(name, "\(Counted.text(walk.rows, "row")), in the order in which they were written"))
        } else if found.count > AuditVerification.limit {
            checks.append(
                AuditVerification.failed(
                    AuditFinding(.edited, place, seq: nil, "\(found.count - AuditVerification.limit) more findings")))
        }
        if walk.unsealed > 0 {
            checks.append(
                .warning(
                    name, "\(Counted.text(walk.unsealed, "row")) at the end not sealed yet", code: .auditUnsealed,
                    advice: "nothing to do: the next command that writes seals them"))
        }
        return checks
    }

    // MARK: Heads

    /// Where the chain is not what was signed.
    private func disagreements(
        _ heads: [AuditHeadSearch.Located], _ walk: AuditWalk.Result, _ place: AuditPlace
    ) -> [AuditFinding] {
        var findings: [AuditFinding] = []
        if let longest = heads.max(by: { $0.head.seq < $1.head.seq }), longest.head.seq > walk.last {
            let (first, last) = (walk.last + 1, longest.head.seq)
            let rows = first == last ? "row \(first) is" : "rows \(first) to \(last) are"
            findings.append(
                AuditFinding(
                    .truncated, place, seq: first, "\(rows) missing at the end: \(longest.source) names row \(last)"))
        }
        var agreed: Int64 = 0
        for located in heads.sorted(by: { $0.head.seq < $1.head.seq }) where located.head.seq <= walk.last {
            let head = located.head
            if walk.hashes[head.seq] == head.hash {
                agreed = head.seq
                continue
            }
            // What was found in the rows up to it explains it: then the head says nothing new.
            if walk.findings.contains(where: { $0.seq.map { $0 > agreed && $0 <= head.seq } ?? false }) { continue }
            let rows = agreed + 1 == head.seq ? "row \(head.seq)" : "rows \(agreed + 1) to \(head.seq)"
            findings.append(
                AuditFinding(
                    .rewritten, place, seq: agreed + 1,
                    "\(rows) were written anew with hashes that fit: \(located.source) names another hash of row \(head.seq)"
                ))
            break
        }
        return findings
    }

    /// Heads of a chain that is not the one that there is.
    private func replaced(
        _ heads: AuditHeadSearch.Found, _ names: [AuditPlace: String]
    ) -> [AuditFinding] {
        var findings: [AuditFinding] = []
        for place in AuditPlace.allCases {
            let own = heads.heads.filter { $0.head.place == place && $0.isCommit }
            for (older, newer) in zip(own, own.dropFirst())
            where older.head.chain != newer.head.chain && !(place == .ledger && newer.isBaseline) {
                findings.append(
                    AuditFinding(
                        .replaced, place, seq: 1,
                        "another audit took its place between \(older.source) and \(newer.source)"))
            }
            if let last = own.last, let name = names[place], last.head.chain != name {
                findings.append(
                    AuditFinding(
                        .replaced, place, seq: 1,
                        "it is not the one that \(last.source) names: another audit took its place"))
            }
        }
        return findings
    }

    private func headChecks(_ heads: AuditHeadSearch.Found, _ findings: [AuditFinding]) -> [Check] {
        let name = "audit heads"
        if heads.heads.isEmpty, findings.isEmpty {
            return [
                .warning(
                    name, "none is signed yet", code: .auditUnsigned,
                    advice: "nothing to do: the next command that writes signs them")
            ]
        }
        var checks: [Check] =
            findings.isEmpty
            ? [.passed(name, "\(Counted.text(heads.heads.count, "signed head")), in \(heads.sources)")] : []
        let ledgers = heads.heads.filter { $0.head.place == .ledger && $0.isCommit }
        for (older, newer) in zip(ledgers, ledgers.dropFirst())
        where older.head.chain != newer.head.chain && newer.isBaseline {
            checks.append(
                .warning(
                    name, "the history begins anew with \(newer.source): the database was another one before",
                    code: .auditReplaced, advice: "nothing to do when you replaced the file yourself"))
        }
        return checks
    }

    private static func failed(_ finding: AuditFinding) -> Check {
        .failed(
            "audit \(finding.place.rawValue)",
            BatchError(
                .auditTampered, "\(finding.kind.rawValue): \(finding.detail)",
                hint: "compare with a clone of the history, or an export: \(command: "audit list --limit 50")"))
    }
}

extension Session {
    /// `audit verify`
    /// - Parameter keys: files of the public keys that heads may be signed with; none for the key of the workspace.
    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_UX_USAGE`. What does not hold is a check that failed.
    public func verifyAudit(keys: [String] = []) throws(BatchError) -> AuditReport {
        let known = try keys.map { (path) throws(BatchError) in try PublicKey(file: path) }
        return try reading { () throws(BatchError) in
            try AuditVerification(session: self, keys: known.isEmpty ? nil : known).report()
        }
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
        if let control = try ControlChain(reading: session.backups, session.context), let name = try control.name() {
            chains.append((.control, (name, try control.chain.table.last()?.seq ?? 0)))
        }
        return chains
    }

    private func unsigned(_ source: String, _ what: String) -> AuditFinding {
        AuditFinding(.unsigned, .ledger, seq: nil, "\(source) \(what)")
    }
}
