public import BatchCore

/// The triggers that see to writes which no batch made. They are plain SQL, so they work for every client.
///
/// The gateway puts a row into `batchmgr_gate` while it writes and takes it out before COMMIT, so only its own
/// connection ever sees it; without that row the triggers note a write, or abort it.
public struct WriteGuard {
    private let ledger: Ledger
    private var connection: Connection { ledger.connection }

    public init(_ ledger: Ledger) { self.ledger = ledger }

    /// What the database is guarded by, whatever a `batchmgr.yaml` says.
    /// - Throws: `ERR_DATA_CORRUPT_LEDGER` when the mode cannot be read: nothing may be written then.
    public func mode() throws(BatchError) -> GuardMode {
        guard try ledger.exists(), let text = try ledger.meta("guard") else { return .off }
        guard let mode = GuardMode(rawValue: text) else { throw Ledger.damaged("batchmgr_meta") }
        return mode
    }

    /// Changes the mode. Call it in a transaction that shows the database as the ledger knows it: what was changed
    /// before outside any batch would never be noted.
    public func set(_ mode: GuardMode) throws(BatchError) {
        if mode != .off { try ledger.createGuardTables() }
        try ledger.setMeta("guard", mode.rawValue)
        let before = try SchemaReader(connection).version()
        try remove()
        try install()
        if mode != .off { try clearNotes() }
        // The triggers are no reason to think that somebody ran VACUUM.
        try ledger.meetSchemaVersion(before)
    }

    /// False when a table is without its triggers, or somebody changed one: notes are not complete then.
    public func isIntact() throws(BatchError) -> Bool {
        try ledger.meta("guard_fingerprint") == fingerprint()
    }

    /// True when somebody else keeps the gate open, which nobody may.
    public func isForcedOpen() throws(BatchError) -> Bool {
        guard try ledger.hasGuardTables() else { return false }
        return try connection.value("SELECT 1 FROM main.batchmgr_gate") != nil
    }

    // MARK: For the gateway

    /// The names of the triggers that are as the guard makes them.
    func ownTriggers(_ mode: GuardMode) throws(BatchError) -> Set<String> {
        var wanted: Set<String> = []
        for layout in try SchemaReader(connection).tables() where layout.role == .ordinary {
            // SQLite keeps the text from the name on.
            wanted.formUnion(
                GuardTriggers(layout, connection.ledgerNames).statements(mode).map {
                    "CREATE TRIGGER " + $0.dropFirst(GuardTriggers.head.count)
                })
        }
        return Set(
            try SchemaReader(connection).guardTriggers().filter { wanted.contains($0.sql ?? "") }.map(\.name))
    }

    func open() throws(BatchError) {
        try connection.run("DELETE FROM main.batchmgr_gate")
        try connection.run("INSERT INTO main.batchmgr_gate VALUES(1)")
    }

    func close() throws(BatchError) { try connection.run("DELETE FROM main.batchmgr_gate") }

    /// Takes all triggers away, so that they are not in the way of a change of the schema.
    func remove() throws(BatchError) {
        let names = try connection.rows(
            "SELECT name FROM main.sqlite_schema WHERE type = 'trigger' AND name LIKE 'batchmgr\\_guard\\_%' ESCAPE '\\'"
        )
        for name in names.compactMap({ $0[0].string }) {
            try connection.execute("DROP TRIGGER main.\(SQLName.quote(name))")
        }
    }

    /// Makes the triggers of every table. None may be there.
    func install() throws(BatchError) {
        let mode = try mode()
        if mode != .off {
            for layout in try SchemaReader(connection).tables() where layout.role == .ordinary {
                for sql in GuardTriggers(layout, connection.ledgerNames).statements(mode) {
                    try connection.execute(sql, isVerbatim: true)
                }
            }
        }
        try ledger.setMeta("guard_fingerprint", try fingerprint())
    }

    /// Keeps the triggers trusted when a checkpoint moved the schema cookie without changing the schema.
    /// - Parameter cookie: as the checkpoint found it.
    func followCookie(from cookie: Int64) throws(BatchError) {
        let now = try fingerprint()
        guard let known = try ledger.meta("guard_fingerprint"), known != now,
            known == "\(now.prefix { $0 != " " }) \(cookie)"
        else { return }
        try ledger.setMeta("guard_fingerprint", now)
    }

    /// Of the schema and the triggers on it, with the schema cookie: VACUUM moves that, and may renumber rows.
    private func fingerprint() throws(BatchError) -> String {
        let reader = SchemaReader(connection)
        let schema = StateDigest.schemaDigest(try reader.objects())
        let triggers = StateDigest.schemaDigest(try reader.guardTriggers())
        let cookie = try connection.value("PRAGMA main.schema_version")?.integer ?? 0
        return "\(schema + triggers) \(cookie)"
    }
}

extension WriteGuard {
    /// What was noted of one table.
    public struct Notes: Hashable, Sendable {
        public let table: String
        /// Keys of rows that may have been changed.
        public var keys: [RowKey] = []
        /// Any row may have been changed.
        public var isWhole = false
    }

    /// Writes outside any batch since the last ones were kept, by table.
    public func notes() throws(BatchError) -> [Notes] {
        guard try ledger.hasGuardTables() else { return [] }
        var notes: [String: Notes] = [:]
        let schema = SchemaReader(connection)
        var layouts: [String: TableLayout] = [:]
        for row in try connection.rows("SELECT table_name, kind, k0, k1, k2, k3 FROM main.batchmgr_drift") {
            guard let table = row[0].string else { throw Ledger.damaged("batchmgr_drift") }
            if layouts[table] == nil { layouts[table] = try schema.layout(named: table) }
            switch layouts[table]?.key {
            case .rowid? where row[1].integer == 0:
                notes[table, default: Notes(table: table)].keys.append(.rowid(row[2].integer ?? 0))
            case .primaryKey(let positions)? where row[1].integer == 0 && positions.count <= 4:
                notes[table, default: Notes(table: table)].keys.append(.values(Array(row[2..<2 + positions.count])))
            default: notes[table, default: Notes(table: table)].isWhole = true
            }
        }
        return notes.values.sorted { $0.table < $1.table }
    }

    /// Forgets what was noted: it has been kept.
    public func clearNotes() throws(BatchError) {
        if try ledger.hasGuardTables() { try connection.run("DELETE FROM main.batchmgr_drift") }
    }
}

extension Ledger {
    func hasGuardTables() throws(BatchError) -> Bool {
        try has("batchmgr_drift")
    }

    /// Ledgers of older versions lack them.
    func createGuardTables() throws(BatchError) {
        let names = connection.ledgerNames
        let wanted = [names.name("batchmgr_gate"), names.name("batchmgr_drift")]
        for statement in LedgerSchema.statements(names) where wanted.contains(where: statement.contains) {
            try connection.execute(statement, isVerbatim: true)
        }
    }
}

extension SchemaReader {
    /// The triggers of the guard, which `objects` leaves out.
    func guardTriggers() throws(BatchError) -> [SchemaObject] {
        try connection.rows(
            """
            SELECT rowid, type, name, tbl_name, sql FROM main.sqlite_schema \
            WHERE type = 'trigger' AND name LIKE 'batchmgr\\_guard\\_%' ESCAPE '\\'
            """
        ).map { row in
            SchemaObject(
                rowid: row[0].integer ?? 0, type: row[1].string ?? "", name: row[2].string ?? "",
                tableName: row[3].string ?? "", sql: row[4].string)
        }
    }
}
