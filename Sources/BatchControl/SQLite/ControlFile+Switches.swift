public import BatchCore
internal import BatchLedger

/// The switches of the workspace, and who set what when.
extension ControlFile: SwitchStore {
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

    public func set(_ state: SwitchState, _ act: ControlAct) throws(BatchError) -> SwitchValue {
        try audited(act) { () throws(BatchError) in
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
