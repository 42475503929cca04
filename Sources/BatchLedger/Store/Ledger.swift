public import BatchCore

/// The `batchmgr_*` tables of one database.
public final class Ledger {
    public let connection: Connection
    /// Spent so far on writing the facts of checkpoints.
    public internal(set) var factsTime: Duration = .zero

    /// - Throws: `ERR_DATA_CORRUPT_LEDGER` when the ledger is of a newer format.
    public init(_ connection: Connection) throws(BatchError) {
        self.connection = connection
        guard try exists(), let version = try meta("format_version"), let number = Int64(version) else { return }
        guard number <= LedgerSchema.version else {
            throw BatchError(
                .corruptLedger, "the ledger of \(connection.path) has format \(number), newer than this program knows",
                hint: "install the newer batchmgr, then: \(command: "version")")
        }
    }

    public func exists() throws(BatchError) -> Bool {
        try connection.findLedger()
    }

    /// True when a table of the ledger is there: older programs made fewer.
    func has(_ table: String) throws(BatchError) -> Bool { try connection.hasTable(connection.ledgerNames.name(table)) }

    /// How many tables, indexes and other objects bear a name of the ledger.
    func objectCount() throws(BatchError) -> Int64 {
        let sql = "SELECT count(*) FROM main.sqlite_schema WHERE name LIKE 'batchmgr\\_%' ESCAPE '\\'"
        return try connection.value(sql)?.integer ?? 0
    }

    /// Creates the tables where they are missing. Call it in a transaction.
    /// - Parameter databaseID: a random name for this database, kept for its life.
    public func create(databaseID: String) throws(BatchError) {
        if try !exists() { try refuseForeignTables() }
        for statement in LedgerSchema.statements(connection.ledgerNames) {
            try connection.execute(statement, isVerbatim: true)
        }
        _ = try exists()
        // Each format has the tables of the one before it.
        try setMeta("format_version", "\(LedgerSchema.version)")
        try connection.run("INSERT OR IGNORE INTO main.batchmgr_meta VALUES('database_id', ?)", [.string(databaseID)])
    }

    /// True when all tables and indexes are there: a ledger of an older program lacks some.
    public func isComplete() throws(BatchError) -> Bool {
        let own = connection.ledgerNames.objects
        let names = own.map(SQLName.literal).joined(separator: ", ")
        let count = try connection.value("SELECT count(*) FROM main.sqlite_schema WHERE name IN (\(names))")
        guard count?.integer ?? 0 >= Int64(own.count) else { return false }
        return try meta("format_version") == "\(LedgerSchema.version)"
    }

    /// Makes the tables, or those that a ledger of an older program lacks. Call it in a transaction.
    /// - Parameter databaseID: a random name for a new ledger.
    func ready(databaseID: () -> String) throws(BatchError) {
        guard try !isComplete() else { return }
        try AuditTable(connection).addColumns()
        try create(databaseID: databaseID())
    }

    /// Adds the tables and columns that a ledger of an older program lacks.
    public func complete() throws(BatchError) {
        try AuditTable(connection).addColumns()
        if try isComplete() { return }
        try connection.transaction { () throws(BatchError) in
            try create(databaseID: try meta("database_id") ?? "")
        }
    }

    public func meta(_ key: String) throws(BatchError) -> String? {
        try connection.value("SELECT value FROM main.batchmgr_meta WHERE key = ?", [.string(key)])?.string
    }

    public func setMeta(_ key: String, _ value: String) throws(BatchError) {
        try connection.run("INSERT OR REPLACE INTO main.batchmgr_meta VALUES(?, ?)", [.string(key), .string(value)])
    }

    // MARK: State digest

    /// The name under which `batchmgr_state` keeps the digest of the schema.
    static let schemaRow = ""
    /// The name there of a table whose own name is empty. No other table can bear it.
    private static let namelessRow = "sqlite_nameless"

    /// The digests after the last checkpoint; nil before the first batch.
    public func state() throws(BatchError) -> StateDigest? {
        guard try exists() else { return nil }
        var state = StateDigest()
        var isEmpty = true
        for row in try connection.rows("SELECT table_name, digest, rows FROM main.batchmgr_state") {
            guard let name = row[0].string, let digest = row[1].string.flatMap(Digest.init(hex:)) else {
                throw Ledger.damaged("batchmgr_state")
            }
            isEmpty = false
            if name == Ledger.schemaRow {
                state.schema = digest
                // Older programs left the settings of the file out.
                if try meta(Ledger.settingsKey) == nil {
                    state.schema += StateDigest.schemaDigest(try SchemaReader(connection).settings())
                }
            } else {
                state.tables[name == Ledger.namelessRow ? "" : name] = TableDigest(
                    digest: digest, rows: row[2].integer ?? 0)
            }
        }
        return isEmpty ? nil : state
    }

    /// Takes the database as it is: keeps the digests, and which rows refer to nothing already.
    public func setState(_ state: StateDigest) throws(BatchError) {
        try connection.run("DELETE FROM main.batchmgr_state")
        for (name, table) in state.tables { try setState(name, table) }
        try setSchemaState(state.schema)
        try WriteGuard(self).clearNotes()
        try noteOrphans()
        try noteTaken()
    }

    private static let settingsKey = "schema_digest_of"

    func setState(_ table: String, _ digest: TableDigest) throws(BatchError) {
        try setRow(table.isEmpty ? Ledger.namelessRow : table, digest)
    }

    func setSchemaState(_ digest: Digest) throws(BatchError) {
        try setMeta(Ledger.settingsKey, "objects and settings")
        try setRow(Ledger.schemaRow, TableDigest(digest: digest))
    }

    private func setRow(_ name: String, _ digest: TableDigest) throws(BatchError) {
        try connection.run(
            "INSERT OR REPLACE INTO main.batchmgr_state VALUES(?, ?, ?)",
            [.string(name), .string(digest.digest.description), .integer(digest.rows)])
    }

    /// The digest of one table; nil when it is not known.
    func state(of table: String) throws(BatchError) -> TableDigest? {
        let row = try connection.rows(
            "SELECT digest, rows FROM main.batchmgr_state WHERE table_name = ?",
            [.string(table.isEmpty ? Ledger.namelessRow : table)]
        ).first
        return row.map {
            TableDigest(digest: $0[0].string.flatMap(Digest.init(hex:)) ?? .zero, rows: $0[1].integer ?? 0)
        }
    }

    func removeState(_ table: String) throws(BatchError) {
        try connection.run(
            "DELETE FROM main.batchmgr_state WHERE table_name = ?",
            [.string(table.isEmpty ? Ledger.namelessRow : table)])
    }

    static func damaged(_ table: String) -> BatchError {
        BatchError(
            .corruptLedger, "a row of \(table) cannot be read", hint: "see what is damaged: \(command: "verify")")
    }
}

extension Ledger {
    /// - Throws: `ERR_UX_WRONG_STATE` when what is there bears a name that the ledger needs, under either prefix.
    fileprivate func refuseForeignTables() throws(BatchError) {
        let names = connection.ledgerNames.objects.map(SQLName.literal).joined(separator: ", ")
        let sql = "SELECT name FROM main.sqlite_schema WHERE lower(name) IN (\(names)) LIMIT 1"
        guard let name = try connection.value(sql)?.string else { return }
        throw BatchError(
            .wrongState, "the database has a table \(name) of its own, and the ledger needs that name",
            hint: "give it another name: ALTER TABLE \(SQLName.quote(name)) RENAME TO \(SQLName.quote("my_" + name))")
    }
}
