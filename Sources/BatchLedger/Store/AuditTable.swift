public import BatchCore
internal import CSQLite

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

    private var place: String { SQLName.literal(connection.ledgerNames.name(AuditTable.name)) }

    public func create() throws(BatchError) { try connection.execute(AuditTable.creation) }

    public func exists() throws(BatchError) -> Bool {
        try connection.hasTable(connection.ledgerNames.name(AuditTable.name))
    }

    /// False in a ledger that an older program made.
    public func hasHashes() throws(BatchError) -> Bool {
        // They are never taken away.
        let name = connection.ledgerNames.name(AuditTable.name)
        if AuditTable.hashes.allSatisfy({ connection.knows(column: $0, of: name) }) { return true }
        let sql = "SELECT count(*) FROM pragma_table_info(\(place), 'main') WHERE name LIKE '%hash'"
        return try connection.value(sql)?.integer == 3
    }

    /// Adds the columns of the chain to the table of an older program.
    public func addColumns() throws(BatchError) {
        guard try exists(), try !hasHashes() else { return }
        let known = try connection.rows("SELECT name FROM pragma_table_info(\(place), 'main')").compactMap {
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
    ///   - condition: SQL after WHERE.
    ///   - limit: the last ones, this many.
    public func rows(
        of place: AuditPlace, where condition: String = "1", _ parameters: [SQLValue] = [], limit: Int? = nil
    ) throws(BatchError) -> [AuditRow] {
        let sql = try AuditTable.query(self, where: condition, newestFirst: limit != nil)
        var rows: [AuditRow] = []
        try connection.forEachRow(sql, parameters) { (values) throws(BatchError) in
            if rows.count < limit ?? .max { rows.append(AuditTable.row(values, of: place)) }
            return rows.count < limit ?? .max
        }
        return limit == nil ? rows : rows.reversed()
    }

    private static func query(
        _ table: AuditTable, where condition: String, newestFirst: Bool
    ) throws(BatchError) -> String {
        let hashes = try table.hasHashes() ? AuditTable.hashes.joined(separator: ", ") : "NULL, NULL, NULL"
        let order = newestFirst ? " DESC" : ""
        return
            "SELECT \(AuditTable.fields), \(hashes) FROM main.batchmgr_audit WHERE \(condition) ORDER BY seq\(order)"
    }

    private static func row(_ values: [SQLValue], of place: AuditPlace) -> AuditRow {
        func text(_ column: Int) -> String { values[column].string ?? "" }
        let entry = AuditEntry(
            at: text(1), traceID: text(2), actor: text(3), tenant: values[4].string, action: text(5),
            batch: values[6].string, outcome: text(7), details: text(8))
        return AuditRow(
            place: place, seq: values[0].integer ?? 0, entry: entry, detailsHash: values[9].string,
            previousHash: values[10].string, hash: values[11].string)
    }

    /// Rows of an audit table, one at a time.
    public final class RowReader {
        private let statement: Statement
        private let place: AuditPlace

        /// - Parameter condition: SQL after WHERE.
        public init(
            _ table: AuditTable, of place: AuditPlace, where condition: String = "1", _ parameters: [SQLValue] = [],
            newestFirst: Bool = false
        ) throws(BatchError) {
            let sql = try AuditTable.query(table, where: condition, newestFirst: newestFirst)
            statement = try table.connection.prepare(sql)
            self.place = place
            try statement.bind(parameters)
        }

        /// Nil at the end.
        public func next() throws(BatchError) -> AuditRow? {
            guard try statement.step() else { return nil }
            return AuditTable.row(statement.values, of: place)
        }
    }
}

extension Ledger {
    /// Writes one row of the audit for a host; the caller's transaction makes it permanent.
    public func audit(
        _ action: String, batch: BatchRecord?, outcome: String, details: JSONValue, by actor: String, trace: String,
        at time: Timestamp
    ) throws(BatchError) {
        try connection.run(
            "INSERT INTO main.batchmgr_audit(at, trace_id, actor, tenant, action, batch, outcome, details) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .string(time.iso8601), .string(trace), .string(actor), .optional(batch?.tenant), .string(action),
                .optional(batch?.batch.description), .string(outcome), .string(JSONWriter.text(details)),
            ])
    }
}

extension AuditTable {
    /// Walks an audit table without making a value of any row: a million rows in a few seconds.
    ///
    /// What it shows of a row is valid until the next one.
    public final class Cursor {
        private let statement: Statement

        /// - Parameter first: the number to begin at.
        public init(_ table: AuditTable, from first: Int64 = .min) throws(BatchError) {
            let hashes = try table.hasHashes() ? "details_hash, previous_hash, hash" : "NULL, NULL, NULL"
            let sql = """
                SELECT seq, at, trace_id, actor, tenant, action, batch, outcome, \(hashes), details FROM main.batchmgr_audit \
                WHERE seq >= ? ORDER BY seq
                """
            statement = try table.connection.prepare(sql)
            try statement.bind([.integer(first)])
        }

        /// False at the end.
        public func next() throws(BatchError) -> Bool { try statement.step() }

        public var seq: Int64 { sqlite3_column_int64(statement.handle, 0) }
        public var action: UnsafeRawBufferPointer? { text(5) }
        public var detailsHash: UnsafeRawBufferPointer? { text(8) }
        public var previousHash: UnsafeRawBufferPointer? { text(9) }
        public var hash: UnsafeRawBufferPointer? { text(10) }
        public var details: UnsafeRawBufferPointer? { text(11) }

        /// The bytes that the row's hash is taken of, under its own number or another, with the hashes that it bears or
        /// others.
        public func encode(
            into encoding: inout AuditEncoding, seq: Int64, detailsHash: UnsafeRawBufferPointer?,
            previousHash: UnsafeRawBufferPointer?
        ) {
            encoding.begin(seq: seq)
            for column in Int32(1)...7 { encoding.add(text(column)) }
            encoding.add(detailsHash)
            encoding.add(previousHash)
        }

        /// UTF-8; nil for NULL.
        private func text(_ column: Int32) -> UnsafeRawBufferPointer? {
            // A database in UTF-16 converts here; the length is asked for afterwards.
            guard let start = sqlite3_column_text(statement.handle, column) else { return nil }
            return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement.handle, column)))
        }
    }
}
