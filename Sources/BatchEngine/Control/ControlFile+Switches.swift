public import BatchCore
internal import BatchLedger

/// The switches of the workspace, and who set what when.
extension ControlFile {
    static let switchTables = """
        CREATE TABLE IF NOT EXISTS workspace(one INTEGER PRIMARY KEY CHECK(one = 1), id TEXT NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS switches(
            name TEXT PRIMARY KEY, value TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL,
            set_at TEXT NOT NULL, expires_at TEXT) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS switch_history(
            seq INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT NOT NULL, actor TEXT NOT NULL,
            reason TEXT NOT NULL, set_at TEXT NOT NULL, expires_at TEXT, old TEXT NOT NULL) STRICT
        """

    public func workspaceID() throws(BatchError) -> String {
        if let id = try connection.value("SELECT id FROM workspace")?.string { return id }
        try connection.run("INSERT OR IGNORE INTO workspace VALUES(1, lower(hex(randomblob(16))))")
        return try connection.value("SELECT id FROM workspace")?.string ?? ""
    }

    /// Reads the table only when another connection has written since.
    public func switches() throws(BatchError) -> SwitchBoard {
        let version = connection.dataVersion
        if let known = board, known.version == version { return known.board }
        let read = SwitchBoard(
            try connection.rows("SELECT name, value, actor, reason, set_at, expires_at FROM switches ORDER BY name")
                .map { (row) throws(BatchError) in try ControlFile.state(row[...]) })
        board = (version, read)
        return read
    }

    public func set(_ state: SwitchState, context: Context) throws(BatchError) -> SwitchValue {
        try audited(context.action(or: "switch set"), context) { () throws(BatchError) in
            let old = try write(state)
            return (old, .object((state.json.members ?? []) + [.init("old", .string(old.rawValue))]))
        }
    }

    /// In the open transaction.
    func write(_ state: SwitchState) throws(BatchError) -> SwitchValue {
        board = nil
        let old = try switches().value(of: state.name, at: state.setAt)
        board = nil
        try connection.run("INSERT OR REPLACE INTO switches VALUES(?, ?, ?, ?, ?, ?)", state.row)
        try connection.run(
            "INSERT INTO switch_history(name, value, actor, reason, set_at, expires_at, old) VALUES(?, ?, ?, ?, ?, ?, ?)",
            state.row + [.string(old.rawValue)])
        return old
    }

    public func switchHistory() throws(BatchError) -> [SwitchListReport.Entry] {
        let sql = """
            SELECT name, value, actor, reason, set_at, expires_at, old,
                seq = (SELECT max(seq) FROM switch_history h WHERE h.name = switch_history.name)
            FROM switch_history ORDER BY seq DESC
            """
        return try connection.rows(sql).map { (row) throws(BatchError) in
            SwitchListReport.Entry(
                state: try ControlFile.state(row[...]), holds: row[7].integer == 1,
                old: row[6].string.flatMap(SwitchValue.init))
        }
    }

    private static func state(_ row: ArraySlice<SQLValue>) throws(BatchError) -> SwitchState {
        guard let state = SwitchState(row) else {
            throw BatchError(
                .corruptLedger, "a switch in control.db cannot be read, so nothing is done",
                hint: "see them: sqlite3 control.db 'SELECT * FROM switches'")
        }
        return state
    }
}
