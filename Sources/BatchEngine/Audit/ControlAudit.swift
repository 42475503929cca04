internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// The audit chain of `control.db`.
struct ControlAudit {
    private static let nameKey = "control_id"

    let connection: Connection
    let chain: AuditChain

    /// Opens it to be written; `control.db` is made when it is missing.
    init(folder: String, context: Context) throws(BatchError) {
        _ = try ControlFile(folder: folder)
        connection = try Connection(path: ControlAudit.path(folder), mode: .readWrite, busyTimeout: 10_000)
        // A row that a signed head names must not be lost in a power cut.
        try connection.execute("PRAGMA synchronous = FULL")
        connection.keepLogOnClose()
        chain = AuditChain(.control, on: connection)
        if try chain.table.exists() { return }
        let table = chain.table
        let entry = context.shared.entry("control", batch: nil, tenant: nil, outcome: "created", details: [:])
        let chain = chain
        let connection = connection
        try connection.transaction { () throws(BatchError) in
            try table.create()
            try connection.execute(
                "CREATE TABLE IF NOT EXISTS batchmgr_meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID"
            )
            try connection.run(
                "INSERT OR IGNORE INTO batchmgr_meta VALUES(?, ?)",
                [.string(ControlAudit.nameKey), .string(context.randomID())])
            try chain.append(entry)
        }
    }

    /// Opens it to be read; nil when there is none.
    init?(reading folder: String) throws(BatchError) {
        guard Folder.exists(ControlAudit.path(folder)) else { return nil }
        connection = try ControlAudit.reader(ControlAudit.path(folder))
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
        try connection.value("SELECT value FROM batchmgr_meta WHERE key = ?", [.string(ControlAudit.nameKey)])?.string
    }

    func head() throws(BatchError) -> AuditHead? {
        let chain = chain
        guard let name = try name() else { return nil }
        return try connection.transaction { () throws(BatchError) in try chain.head(chain: name) }
    }

    func append(_ entry: AuditEntry, _ context: Context) throws(BatchError) {
        let seq = try chain.append(entry)
        context.notes.add(.init(path: connection.path, seq: seq, action: entry.action))
        context.log.audit(entry)
    }
}
