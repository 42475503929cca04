internal import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// The rows of both chains, as far as a filter wants them.
struct AuditView {
    let session: Session
    let filter: AuditFilter

    /// By time; with a limit the newest.
    func rows() throws(BatchError) -> [AuditRow] {
        var rows: [AuditRow] = []
        let (condition, parameters) = self.condition
        for (place, table) in try tables() {
            rows += try table.rows(of: place, where: condition, parameters, limit: filter.limit)
        }
        rows.sort { ($0.entry.at, $0.place.rawValue, $0.seq) < ($1.entry.at, $1.place.rawValue, $1.seq) }
        return filter.limit.map { Array(rows.suffix($0)) } ?? rows
    }

    /// One row after the other, those of the ledger first.
    func stream() throws(BatchError) -> () throws(BatchError) -> AuditRow? {
        if filter.limit != nil {
            var rest = try rows()[...]
            return { () throws(BatchError) in rest.popFirst() }
        }
        let (condition, parameters) = self.condition
        var readers = try tables().map { (place, table) throws(BatchError) in
            try AuditTable.RowReader(table, of: place, where: condition, parameters)
        }[...]
        return { () throws(BatchError) in
            while let reader = readers.first {
                if let row = try reader.next() { return row }
                readers.removeFirst()
            }
            return nil
        }
    }

    private func tables() throws(BatchError) -> [(AuditPlace, AuditTable)] {
        var tables: [(AuditPlace, AuditTable)] = []
        if try session.ledger.exists() { tables.append((.ledger, AuditTable(session.connection))) }
        if let control = try ControlChain(reading: session.backups, session.context) {
            tables.append((.control, control.chain.table))
        }
        return tables
    }

    private var condition: (String, [SQLValue]) {
        let wanted: [(String, String?)] = [
            ("tenant =", filter.tenant), ("batch =", filter.batch), ("trace_id =", filter.traceID),
            ("actor =", filter.actor), ("action =", filter.action), ("at >=", filter.firstTime),
        ]
        let given = wanted.compactMap { test, value in value.map { (test, $0) } }
        if given.isEmpty { return ("1", []) }
        return (given.map { "\($0.0) ?" }.joined(separator: " AND "), given.map { .string($0.1) })
    }
}

/// A refusal for security, as the audit has it.
public struct SecurityEvent: Hashable, Sendable {
    let chain: String
    let seq: Int64
}

extension Session {
    /// Refusals for security among the latest rows of both chains. That somebody has to approve something is none.
    public func securityEvents(since time: Timestamp) throws(BatchError) -> [SecurityEvent] {
        try reading { () throws(BatchError) in
            var filter = AuditFilter(tenant: owner)
            filter.limit = Session.securityRows
            return try AuditView(session: self, filter: filter).rows().compactMap { row in
                guard row.entry.at >= time.iso8601, ["refused", "failed"].contains(row.entry.outcome),
                    let code = (try? JSONParser.parse(row.entry.details))?["code"]?.string.flatMap(ErrorCode.init),
                    code.errorClass == .security, code != .approvalRequired
                else { return nil }
                let chain = row.place == .ledger ? path : row.place.rawValue
                return SecurityEvent(chain: chain, seq: row.seq)
            }
        }
    }

    private static let securityRows = 2_000

    /// `audit list`
    /// - Parameter verbs: names of actions that are right although none was recorded yet.
    public func listAudit(_ filter: AuditFilter, verbs: [String] = []) throws(BatchError) -> AuditListReport {
        try reading { () throws(BatchError) in
            let rows = try AuditView(session: self, filter: filter).rows()
            if rows.isEmpty { try requireKnown(filter, verbs) }
            return AuditListReport(rows: rows)
        }
    }

    /// No row of a misspelt action, person or batch must not look like none at all.
    private func requireKnown(_ filter: AuditFilter, _ verbs: [String]) throws(BatchError) {
        if filter.action == nil, filter.actor == nil, filter.batch == nil { return }
        let all = try AuditView(session: self, filter: AuditFilter(tenant: filter.tenant)).rows().map(\.entry)
        if let action = filter.action {
            try require(action, "action is called", in: Set(all.map(\.action) + verbs))
        }
        if let actor = filter.actor { try require(actor, "action was done by", in: Set(all.map(\.actor))) }
        if let batch = filter.batch { try require(batch, "action is about", in: Set(all.compactMap(\.batch))) }
    }

    private func require(_ word: String, _ what: String, in known: Set<String>) throws(BatchError) {
        guard !known.contains(word) else { return }
        throw BatchError(
            .unknownName, "no \(what) '\(word)'\(Suggestion.clause(for: word, in: known.sorted()))",
            hint: "see all: \(command: "audit list")")
    }

    /// `audit export`; the file and its SHA-256 are noted for the row of the action.
    /// - Parameter path: from the current folder; an earlier file of the name is replaced.
    /// - Throws: `ERR_UX_INVALID_PARAMETER` when its ending is not that of the format; as `Export`.
    public func exportAudit(
        _ filter: AuditFilter, format: ExportFormat, to path: String
    ) throws(BatchError) -> AuditExportReport {
        let absolute = FolderText.join(FolderText.current, path)
        let name = (absolute.pathNames.last ?? "")
        let export = try Export(to: name, in: FolderText.parent(absolute), format: format)
        let file = try reading { () throws(BatchError) in
            let next = try AuditView(session: self, filter: filter).stream()
            let rows = ExportRows(columns: AuditRow.columns) { () throws(BatchError) in try next()?.values }
            return try export.write(rows, hash: .sha256(), stop: { self.context.stopWish() != .goOn })
        }
        context.notes.describe(
            "export",
            [
                "path": .string(absolute), "format": .string(format.rawValue), "rows": JSONValue(file.rows),
                "bytes": JSONValue(file.bytes), "sha256": .string(file.sha256),
            ])
        return AuditExportReport(
            path: path, format: format.rawValue, rows: file.rows, bytes: file.bytes, sha256: file.sha256)
    }
}

extension AuditRow {
    static let columns = [
        "chain", "seq", "at", "trace_id", "actor", "tenant", "action", "batch", "outcome", "details", "details_hash",
        "previous_hash", "hash",
    ]

    var values: [SQLValue] {
        [
            .string(place.rawValue), .integer(seq), .string(entry.at), .string(entry.traceID), .string(entry.actor),
            .optional(entry.tenant), .string(entry.action), .optional(entry.batch), .string(entry.outcome),
            .string(entry.details), .optional(detailsHash), .optional(previousHash), .optional(hash),
        ]
    }
}
