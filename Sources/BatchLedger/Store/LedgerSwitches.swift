public import BatchCore

/// The ledger's copy of the switches.
extension Ledger {
    /// What an application has to honour now: the value of a switch, its standard value when nobody has set it.
    /// - Parameter name: as `SwitchName` reads it.
    /// - Throws: `ERR_UX_UNKNOWN_SWITCH`.
    public func switchValue(_ name: String) throws(BatchError) -> String {
        let name = try SwitchName(name)
        let time = try connection.value("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')")?.string
        let now = time.flatMap(Timestamp.init(iso8601:)) ?? Timestamp(milliseconds: 0)
        return SwitchBoard(try switches().map(\.state)).effectiveValue(of: name, at: now).rawValue
    }

    /// All that is set, with the id of the workspace that set it.
    public func switches() throws(BatchError) -> [(workspace: String, state: SwitchState)] {
        guard try hasSwitches() else { return [] }
        let sql =
            "SELECT workspace, name, value, actor, reason, set_at, expires_at FROM main.batchmgr_switches ORDER BY 2, 1"
        return try connection.rows(sql).map { (row) throws(BatchError) in
            guard let state = SwitchState(row.dropFirst()) else { throw Ledger.damaged("batchmgr_switches") }
            return (row[0].string ?? "", state)
        }
    }

    /// Makes the copy that of the workspace; what other workspaces have set stays. Call it in a transaction.
    /// - Returns: false when it was so already, and nothing was written.
    @discardableResult
    public func mirror(_ states: [SwitchState], of workspace: String) throws(BatchError) -> Bool {
        guard try hasSwitches() else { return false }
        let known = try switches().filter { $0.workspace == workspace }.map(\.state)
        guard Set(known) != Set(states) else { return false }
        try connection.run("DELETE FROM main.batchmgr_switches WHERE workspace = ?", [.string(workspace)])
        for state in states {
            try connection.run(
                "INSERT INTO main.batchmgr_switches(workspace, name, value, actor, reason, set_at, expires_at) VALUES(?, ?, ?, ?, ?, ?, ?)",
                [.string(workspace)] + state.row)
        }
        return true
    }

    /// Forgets what other workspaces have set for a switch: who sets it here decides. Call it in a transaction.
    public func overrule(_ name: SwitchName, by workspace: String) throws(BatchError) {
        guard try hasSwitches() else { return }
        try connection.run(
            "DELETE FROM main.batchmgr_switches WHERE name = ? AND workspace <> ?",
            [.string(name.description), .string(workspace)])
    }

    /// A ledger of an older program has no such table until the next batch.
    private func hasSwitches() throws(BatchError) -> Bool {
        try connection.value("SELECT 1 FROM main.sqlite_schema WHERE name = 'batchmgr_switches'") != nil
    }
}

extension SwitchState {
    /// Name, value, actor, reason, time of setting, time of expiry.
    public var row: [SQLValue] {
        [
            .string(name.description), .string(value.rawValue), .string(actor), .string(reason), .string(setAt.iso8601),
            .optional(expiresAt?.iso8601),
        ]
    }

    /// Nil when the row is damaged: a time that cannot be read must not make a switch go off.
    public init?(_ row: ArraySlice<SQLValue>) {
        let cells = Array(row.prefix(6))
        guard cells.count == 6, let name = cells[0].string.flatMap({ try? SwitchName($0) }),
            let value = cells[1].string.flatMap(SwitchValue.init), let actor = cells[2].string,
            let reason = cells[3].string, let setAt = cells[4].string.flatMap(Timestamp.init(iso8601:))
        else { return nil }
        var expiresAt: Timestamp?
        if let text = cells[5].string {
            guard let time = Timestamp(iso8601: text) else { return nil }
            expiresAt = time
        }
        self.init(name: name, value: value, actor: actor, reason: reason, setAt: setAt, expiresAt: expiresAt)
    }
}
