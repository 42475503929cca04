public import BatchCore

/// The table of an audit chain, in a ledger or in `control.db`.
///
/// A row may be written without its hashes: by an older program, or by a host that has none of our cryptography. Such
/// rows stand at the end, and the next program that can seals them.
public struct AuditTable {
    public static let name = "batchmgr_audit"
    static let creation =
        "CREATE TABLE IF NOT EXISTS main.batchmgr_audit(seq INTEGER PRIMARY KEY, at TEXT NOT NULL, trace_id TEXT NOT NULL, actor TEXT NOT NULL, tenant TEXT, action TEXT NOT NULL, batch TEXT, outcome TEXT NOT NULL, details TEXT NOT NULL, details_hash TEXT, previous_hash TEXT, hash TEXT) STRICT"
    static let hashes = ["details_hash", "previous_hash", "hash"]
    static let fields = "seq, at, trace_id, actor, tenant, action, batch, outcome, details"

    public let connection: Connection

    public init(_ connection: Connection) { self.connection = connection }

    public func create() throws(BatchError) { try connection.execute(AuditTable.creation) }

    public func exists() throws(BatchError) -> Bool {
        try connection.value("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'batchmgr_audit'") != nil
    }

    /// False in a ledger that an older program made.
    public func hasHashes() throws(BatchError) -> Bool {
        let sql = "SELECT count(*) FROM pragma_table_info('batchmgr_audit', 'main') WHERE name LIKE '%hash'"
        return try connection.value(sql)?.integer == 3
    }

    /// Adds the columns of the chain to the table of an older program.
    public func addColumns() throws(BatchError) {
        guard try exists(), try !hasHashes() else { return }
        let known = try connection.rows("SELECT name FROM pragma_table_info('batchmgr_audit', 'main')").compactMap {
            $0[0].string
        }
        for column in AuditTable.hashes where !known.contains(column) {
            try connection.execute("ALTER TABLE main.batchmgr_audit ADD COLUMN \(column) TEXT")
        }
    }

    // MARK: Writing

    /// Writes a row without hashes.
    /// - Returns: its `seq`.
    @discardableResult
    public func append(_ entry: AuditEntry) throws(BatchError) -> Int64 {
        let seq = (try last()?.seq ?? 0) + 1
        try connection.run(
            "INSERT INTO main.batchmgr_audit(\(AuditTable.fields)) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .integer(seq), .string(entry.at), .string(entry.traceID), .string(entry.actor),
                .optional(entry.tenant), .string(entry.action), .optional(entry.batch), .string(entry.outcome),
                .string(entry.details),
            ])
        return seq
    }

    /// Gives a row its hashes.
    public func seal(_ seq: Int64, detailsHash: String, previousHash: String, hash: String) throws(BatchError) {
        try connection.run(
            "UPDATE main.batchmgr_audit SET details_hash = ?, previous_hash = ?, hash = ? WHERE seq = ?",
            [.string(detailsHash), .string(previousHash), .string(hash), .integer(seq)])
    }

    // MARK: Reading

    public func last() throws(BatchError) -> (seq: Int64, hash: String?)? {
        let hash = try hasHashes() ? "hash" : "NULL"
        let rows = try connection.rows("SELECT seq, \(hash) FROM main.batchmgr_audit ORDER BY seq DESC LIMIT 1")
        return rows.first.map { ($0[0].integer ?? 0, $0[1].string) }
    }

    /// The row of that number, as far as it tells which command wrote it.
    public func origin(of seq: Int64) throws(BatchError) -> (traceID: String, action: String)? {
        let rows = try connection.rows(
            "SELECT trace_id, action FROM main.batchmgr_audit WHERE seq = ?", [.integer(seq)])
        return rows.first.map { ($0[0].string ?? "", $0[1].string ?? "") }
    }

    /// Rows in their order.
    /// - Parameters:
    ///   - condition: SQL behind WHERE.
    ///   - limit: the last ones, this many.
    public func rows(
        of place: AuditPlace, where condition: String = "1", _ parameters: [SQLValue] = [], limit: Int? = nil
    ) throws(BatchError) -> [AuditRow] {
        let reader = try AuditRowReader(self, of: place, where: condition, parameters, newestFirst: limit != nil)
        var rows: [AuditRow] = []
        while rows.count < limit ?? .max, let row = try reader.next() { rows.append(row) }
        return limit == nil ? rows : rows.reversed()
    }
}
