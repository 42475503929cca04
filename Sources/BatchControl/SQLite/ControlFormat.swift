internal import BatchCore
internal import BatchLedger

/// The format of `control.db`: its number stands in `user_version`, and each step below leads to the next.
///
/// Version 0.1 wrote no number; its tables are those of step 1, of which it made some only when it needed them.
enum ControlFormat {
    static let current = Int64(steps.count)

    /// Every statement of a step is true to what is there already: a step may have been begun by an older program.
    static let steps = [
        """
        CREATE TABLE IF NOT EXISTS fingerprints(database TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS workspace(one INTEGER PRIMARY KEY CHECK(one = 1), id TEXT NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS switches(
            name TEXT PRIMARY KEY, value TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL,
            set_at TEXT NOT NULL, expires_at TEXT) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS switch_history(
            seq INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT NOT NULL, actor TEXT NOT NULL,
            reason TEXT NOT NULL, set_at TEXT NOT NULL, expires_at TEXT, old TEXT NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS trusted_keys(
            key TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, trusted_by TEXT NOT NULL,
            trusted_at TEXT NOT NULL, revoked_by TEXT, revoked_at TEXT) STRICT;
        CREATE TABLE IF NOT EXISTS used_requests(
            nonce TEXT PRIMARY KEY, signer TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
            at TEXT NOT NULL, outcome TEXT NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS plans(
            number INTEGER PRIMARY KEY AUTOINCREMENT, database TEXT NOT NULL, job TEXT NOT NULL, tenant TEXT,
            author TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL, file TEXT NOT NULL,
            sha256 TEXT NOT NULL, seal TEXT NOT NULL, status TEXT NOT NULL, decided_by TEXT, typed_by TEXT,
            decided_at TEXT, approval TEXT, reason TEXT, batch TEXT) STRICT
        """,
        // Databases keep their leases themselves, and are told apart by the ids of their ledgers.
        "DROP TABLE IF EXISTS leases; DELETE FROM fingerprints",
    ]

    /// - Throws: `ERR_DATA_CORRUPT_LEDGER` when a newer program has written the file.
    static func bringUpToDate(_ connection: Connection) throws(BatchError) {
        if try number(connection) == current { return }
        try connection.execute("PRAGMA journal_mode = WAL")
        try connection.transaction { () throws(BatchError) in
            // Two processes may open it at once: the second finds the work done.
            let found = try number(connection)
            for step in steps[Int(found)...] { try connection.execute(step) }
            if found < current { try connection.execute("PRAGMA user_version = \(current)") }
        }
    }

    private static func number(_ connection: Connection) throws(BatchError) -> Int64 {
        let number = try connection.value("PRAGMA user_version")?.integer ?? 0
        guard (0...current).contains(number) else {
            throw BatchError(
                .corruptLedger, "\(connection.path) has format \(number), newer than this program knows",
                hint: "install the newer batchmgr, then: batchmgr version")
        }
        return number
    }
}
