public import BatchCore
public import BatchLedger

/// `control.db`: one SQLite file that all processes of a workspace share.
public final class ControlFile: ControlStore {
    /// Appends a row to the audit chain in a database, in the open transaction. It is handed in: the cryptography of
    /// the chain is that of the histories.
    public typealias AuditAppender = (Connection, AuditEntry) throws(BatchError) -> Int64

    public let connection: Connection
    let appendAudit: AuditAppender
    /// The switches as they were read last, with `Connection.dataVersion` of that time.
    var board: (version: Int64, board: SwitchBoard)?

    /// Opens the file of this name, or makes it; an older format is brought up to date.
    /// - Throws: `ERR_DATA_CORRUPT_LEDGER` for a newer format; `ERR_INTEGRATION_READ_ONLY`.
    public init(path: String, appendAudit: @escaping AuditAppender) throws(BatchError) {
        self.appendAudit = appendAudit
        connection = try Connection(path: path, mode: .create, busyTimeout: 10_000)
        // What must outlive a power cut is written by `durably`, and a checkpoint of anybody has to keep it.
        try connection.execute("PRAGMA synchronous = NORMAL")
        connection.keepLogOnClose()
        try ControlFormat.bringUpToDate(connection)
    }

    public var path: String { connection.path }

    /// A transaction that is on disk when this returns.
    func durably<Result>(_ body: () throws(BatchError) -> Result) throws(BatchError) -> Result {
        try connection.execute("PRAGMA synchronous = FULL")
        defer { try? connection.execute("PRAGMA synchronous = NORMAL") }
        return try connection.transaction(body)
    }
}

extension ControlFile: WorkspaceStore {
    public func workspaceID() throws(BatchError) -> String {
        if let id = try connection.value("SELECT id FROM workspace")?.string { return id }
        try connection.run("INSERT OR IGNORE INTO workspace VALUES(1, lower(hex(randomblob(16))))")
        return try connection.value("SELECT id FROM workspace")?.string ?? ""
    }

    public func fingerprint(of database: String) throws(BatchError) -> String? {
        try connection.value("SELECT fingerprint FROM fingerprints WHERE database = ?", [.string(database)])?.string
    }

    public func setFingerprint(_ fingerprint: String?, of database: String) throws(BatchError) {
        if let fingerprint {
            try connection.run(
                "INSERT OR REPLACE INTO fingerprints VALUES(?, ?)", [.string(database), .string(fingerprint)])
        } else {
            try connection.run("DELETE FROM fingerprints WHERE database = ?", [.string(database)])
        }
    }
}
