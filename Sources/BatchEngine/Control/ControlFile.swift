public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// `control.db`: one SQLite file that all processes of a workspace share.
public final class ControlFile: ControlStore {
    let connection: Connection
    let folder: String
    /// The switches as they were read last, with `Connection.dataVersion` of that time.
    var board: (version: Int64, board: SwitchBoard)?

    /// - Parameter folder: the backups folder; it is made when it is missing.
    public init(folder: String) throws(BatchError) {
        try Folder.create(folder)
        self.folder = folder
        connection = try Connection(path: folder + "/control.db", mode: .create, busyTimeout: 10_000)
        // A lease that a power cut takes back belonged to a process that the power cut ended. What must outlive one is
        // written by `durably`, and a checkpoint of anybody has to keep it.
        try connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
        connection.keepLogOnClose()
        try connection.execute(
            """
            CREATE TABLE IF NOT EXISTS leases(
                database TEXT PRIMARY KEY, process INTEGER NOT NULL, started_at TEXT NOT NULL, machine TEXT NOT NULL,
                work TEXT NOT NULL, beat_at INTEGER NOT NULL, epoch INTEGER NOT NULL,
                stop INTEGER NOT NULL DEFAULT 0) STRICT;
            CREATE TABLE IF NOT EXISTS fingerprints(database TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) STRICT
            """)
        try connection.execute(ControlFile.switchTables)
        try connection.execute(ControlFile.opsTables)
    }

    /// A transaction that is on disk when this returns.
    func durably<Result>(_ body: () throws(BatchError) -> Result) throws(BatchError) -> Result {
        try connection.execute("PRAGMA synchronous = FULL")
        defer { try? connection.execute("PRAGMA synchronous = NORMAL") }
        return try connection.transaction(body)
    }

    public func acquire(
        _ database: String, for work: String, owner: LeaseOwner, at time: Timestamp
    ) throws(BatchError) -> Int64 {
        try connection.transaction { () throws(BatchError) in
            let last = try holder(of: database)
            if let last, last.owner != owner, last.isAlive(at: time) {
                throw BatchError(
                    .busy, "\(last.work) is running on \(database) (process \(last.owner.process))",
                    hint: (try? BatchReference(last.work)) != nil
                        ? "wait for it, or stop it: batchmgr stop --id \(last.work)" : "try again when it has ended")
            }
            let epoch = (last?.epoch ?? 0) + 1
            try connection.run(
                "INSERT OR REPLACE INTO leases VALUES(?, ?, ?, ?, ?, ?, ?, 0)",
                [
                    .string(database), .integer(owner.process), .string(owner.startedAt), .string(owner.machine),
                    .string(work), .integer(time.milliseconds), .integer(epoch),
                ])
            return epoch
        }
    }

    public func beat(_ database: String, epoch: Int64, at time: Timestamp) throws(BatchError) -> Bool {
        try connection.run(
            "UPDATE leases SET beat_at = ? WHERE database = ? AND epoch = ?",
            [.integer(time.milliseconds), .string(database), .integer(epoch)])
        return connection.changes == 1
    }

    /// The row stays, so that the next epoch is a new one; a process 0 is nobody.
    public func release(_ database: String, epoch: Int64) throws(BatchError) {
        try connection.run(
            "UPDATE leases SET process = 0, started_at = '-' WHERE database = ? AND epoch = ?",
            [.string(database), .integer(epoch)])
    }

    public func holder(of database: String) throws(BatchError) -> LeaseHolder? {
        let rows = try connection.rows(
            "SELECT process, started_at, machine, work, beat_at, epoch FROM leases WHERE database = ?",
            [.string(database)])
        return rows.first.map { row in
            LeaseHolder(
                owner: LeaseOwner(
                    process: row[0].integer ?? 0, startedAt: row[1].string ?? "", machine: row[2].string ?? ""),
                work: row[3].string ?? "", beatAt: Timestamp(milliseconds: row[4].integer ?? 0),
                epoch: row[5].integer ?? 0)
        }
    }

    public func requestStop(_ database: String) throws(BatchError) {
        try connection.run("UPDATE leases SET stop = 1 WHERE database = ?", [.string(database)])
    }

    public func isStopRequested(_ database: String, epoch: Int64) throws(BatchError) -> Bool {
        try connection.value(
            "SELECT stop FROM leases WHERE database = ? AND epoch = ?", [.string(database), .integer(epoch)])?.integer
            == 1
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
