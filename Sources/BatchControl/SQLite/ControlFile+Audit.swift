public import BatchCore
public import BatchLedger
internal import BatchSystem

/// The audit chain of `control.db`. It begins with the first row: until then there is no table of it.
extension ControlFile: AuditStore {
    private static let nameKey = "control_id"

    public func append(_ act: ControlAct, details: JSONValue) throws(BatchError) {
        try audited(act) { ((), details) }
    }

    public func append(_ rows: [(act: ControlAct, details: JSONValue)]) throws(BatchError) {
        isFollowedByAudit = false
        let written = try durably { () throws(BatchError) -> [(entry: AuditEntry, seq: Int64)] in
            var written: [(entry: AuditEntry, seq: Int64)] = []
            for (act, details) in rows {
                try beginAudit(act)
                let entry = act.entry(act.actor, details)
                written.append((entry, try appendAudit(connection, entry)))
            }
            return written
        }
        hasAudit = true
        for (row, made) in zip(rows, written) { row.act.done(path, made.seq, made.entry) }
    }

    public func makeDurable() throws(BatchError) {
        isFollowedByAudit = false
        if FileStatus(path + "-wal") != nil { try DurableFile.sync(path + "-wal") }
    }

    public func auditOrigin(of seq: Int64) throws(BatchError) -> (traceID: String, action: String)? {
        let table = AuditTable(connection)
        return try table.exists() ? try table.origin(of: seq) : nil
    }

    /// A durable transaction of which the audit has a row: neither is there without the other.
    /// - Parameter body: gives its result, and the details of the row.
    func audited<Result>(
        _ act: ControlAct, _ body: () throws(BatchError) -> (Result, JSONValue)
    ) throws(BatchError) -> Result {
        let (result, entry, seq) = try durably { () throws(BatchError) in
            try beginAudit(act)
            let (result, details) = try body()
            let entry = act.entry(act.actor, details)
            return (result, entry, try appendAudit(connection, entry))
        }
        hasAudit = true
        act.done(path, seq, entry)
        return result
    }

    /// Changes what was written before, for an erasure.
    /// - Parameter body: gives the details of the row about it; nil when there was nothing to change.
    public func correct(
        _ act: ControlAct, _ body: (Connection) throws(BatchError) -> JSONValue?
    ) throws(BatchError) {
        guard try AuditTable(connection).exists() else { return }
        let row = try durably { () throws(BatchError) -> (entry: AuditEntry, seq: Int64)? in
            guard let details = try body(connection) else { return nil }
            let entry = act.entry(act.actor, details)
            return (entry, try appendAudit(connection, entry))
        }
        if let row { act.done(path, row.seq, row.entry) }
    }

    private func beginAudit(_ act: ControlAct) throws(BatchError) {
        if hasAudit { return }
        let table = AuditTable(connection)
        let meta = try connection.value("SELECT 1 FROM sqlite_schema WHERE name = 'batchmgr_meta'")
        let chain = meta == nil ? nil : try ControlFile.auditName(connection)
        if try table.exists(), chain != nil { return }
        let isNew = try !table.exists()
        try table.create()
        try connection.execute(
            "CREATE TABLE IF NOT EXISTS batchmgr_meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID")
        try connection.run(
            "INSERT OR IGNORE INTO main.batchmgr_meta VALUES(?, lower(hex(randomblob(16))))",
            [.string(ControlFile.nameKey)])
        if isNew { _ = try appendAudit(connection, act.first()) }
    }

    /// The random name of the chain in a control file.
    public static func auditName(_ connection: Connection) throws(BatchError) -> String? {
        try connection.value("SELECT value FROM main.batchmgr_meta WHERE key = ?", [.string(nameKey)])?.string
    }
}
