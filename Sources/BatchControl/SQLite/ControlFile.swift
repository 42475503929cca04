public import BatchCore
public import BatchLedger
internal import BatchSystem
internal import Dispatch

/// `control.db`: one SQLite file that all processes of a workspace share.
public final class ControlFile: ControlStore {
    /// Appends a row to the audit chain in a database, in the open transaction. It is handed in: the cryptography of
    /// the chain is that of the histories.
    public typealias AuditAppender = (Connection, AuditEntry) throws(BatchError) -> Int64

    public let connection: Connection
    let appendAudit: AuditAppender
    /// The file that was opened.
    private let opened: FileStatus?
    public var isFollowedByAudit = false
    /// The table of the audit and the name of its chain are there, for good.
    var hasAudit = false
    /// The switches as they were read last, with `Connection.dataVersion` of that time.
    var board: (version: Int64, board: SwitchBoard)?

    /// Opens the file of this name, or makes it; an older format is brought up to date.
    /// - Throws: `ERR_DATA_CORRUPT_LEDGER` for a newer format; `ERR_INTEGRATION_READ_ONLY`.
    public init(path: String, appendAudit: @escaping AuditAppender) throws(BatchError) {
        self.appendAudit = appendAudit
        connection = try Connection(path: path, mode: .create, busyTimeout: 10_000)
        opened = FileStatus(path)
        // What must outlive a power cut is written by `durably`, and a checkpoint of anybody has to keep it.
        try connection.execute("PRAGMA synchronous = NORMAL")
        connection.keepLogOnClose()
        // Each process adds a page or two to the log and leaves it, so SQLite itself would shorten it at 4 MB.
        if let log = FileStatus(path + "-wal"), log.size > ControlFile.longLog {
            // Who only looks does not wait for whoever writes just now: the next one shortens it.
            try? connection.waiting(atMost: 100) { () throws(BatchError) in
                try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            }
        }
        try Format.bringUpToDate(connection)
    }

    private static let turn = DispatchSemaphore(value: 1)
    /// More than a new file leaves.
    private static let longLog: Int64 = 512 << 10

    public var path: String { connection.path }

    public var isCurrent: Bool {
        guard let opened, let there = FileStatus(path) else { return false }
        return there.isSameFile(as: opened)
    }

    /// The error for a row that cannot be read.
    /// - Parameter effect: what follows, e.g. `none is accepted`.
    func damaged(
        _ what: String, table: String, where condition: String? = nil, effect: String? = nil
    ) -> BatchError {
        let query = "SELECT * FROM \(table)" + (condition.map { " WHERE \($0)" } ?? "")
        return BatchError(
            .corruptLedger, "\(what) in control.db cannot be read" + (effect.map { ", so \($0)" } ?? ""),
            hint: "see the rows: sqlite3 \(ShellText.quoted(path)) '\(query)'")
    }

    /// A transaction that is on disk when this returns, or with the row of the audit that follows it.
    func durably<Result>(_ body: () throws(BatchError) -> Result) throws(BatchError) -> Result {
        // Threads of one process come in their order: SQLite lets who waits look again now and then, and many looks of
        // others in between may keep it waiting until it gives up.
        let isTurn = ControlFile.turn.wait(timeout: .now() + .seconds(10)) == .success
        defer { if isTurn { ControlFile.turn.signal() } }
        if isFollowedByAudit { return try connection.transaction(body) }
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
