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
                    "\(rows) were rewritten with hashes that match: \(located.source) names another hash of row \(head.seq)"
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
