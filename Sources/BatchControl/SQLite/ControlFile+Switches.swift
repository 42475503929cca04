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
                .map { (row) throws(BatchError) in try state(row[...]) })
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

    public func degrade(_ states: [SwitchState], _ act: ControlAct) throws(BatchError) -> [SwitchChange] {
        try audited(act) { () throws(BatchError) in
            var changes: [SwitchChange] = []
            for state in states {
                guard case .module(let module) = state.name else { continue }
                board = nil
                let before = try switches().states.first { $0.name == state.name }
                let old = before.map { $0.holds(at: state.setAt) ? $0.value : state.name.standard }
                // Off is further back than degraded.
                if let old, old == state.value || old == .off { continue }
                try connection.run(
                    "INSERT OR IGNORE INTO degraded_modules VALUES(?, ?)",
                    [.string(module), .optional(before.map { JSONWriter.text($0.json) })])
                changes.append(.init(name: state.name, before: try write(state), after: state.value))
            }
            return (changes, ControlFile.details(changes, reason: states.first?.reason))
        }
    }

    public func endDegradation(of modules: [String]?, _ act: ControlAct) throws(BatchError) -> [SwitchChange] {
        try audited(act) { () throws(BatchError) in
            var changes: [SwitchChange] = []
            for row in try connection.rows("SELECT module, before FROM degraded_modules ORDER BY module") {
                guard let module = row[0].string, modules?.contains(module) ?? true else { continue }
                let name = SwitchName.module(module)
                try connection.run("DELETE FROM degraded_modules WHERE module = ?", [.string(module)])
                board = nil
                guard try switches().value(of: name, at: act.at) == .degraded else { continue }
                let before = try row[1].string.map { (text) throws(BatchError) in try state(kept: text) }
                try restore(name, to: before, act)
                changes.append(.init(name: name, before: .degraded, after: before?.value ?? name.standard))
            }
            return (changes, ControlFile.details(changes, reason: nil))
        }
    }

    /// Makes a switch what it was, also when that was nothing.
    private func restore(_ name: SwitchName, to before: SwitchState?, _ act: ControlAct) throws(BatchError) {
        board = nil
        if let before {
            _ = try write(before)
        } else {
            let back = SwitchState(
                name: name, value: name.standard, actor: act.actor, reason: "degraded mode has ended", setAt: act.at)
            _ = try write(back)
            try connection.run("DELETE FROM switches WHERE name = ?", [.string(name.description)])
        }
        board = nil
    }

    private func state(kept text: String) throws(BatchError) -> SwitchState {
        guard let json = try? JSONParser.parse(text) else { throw damaged("a switch", table: "degraded_modules") }
        let keys = ["name", "value", "actor", "reason", "set_at", "expires_at"]
        return try state(keys.map { SQLValue.optional(json[$0]?.string) }[...])
    }

    private static func details(_ changes: [SwitchChange], reason: String?) -> JSONValue {
        .object(
            [.init("switches", .array(changes.map(\.json)))] + (reason.map { [.init("reason", .string($0))] } ?? []))
    }

    public func switchHistory() throws(BatchError) -> [SwitchListReport.Entry] {
        let sql = """
            SELECT name, value, actor, reason, set_at, expires_at, old,
                seq = (SELECT max(seq) FROM switch_history h WHERE h.name = switch_history.name)
            FROM switch_history ORDER BY seq DESC
            """
        return try connection.rows(sql).map { (row) throws(BatchError) in
            SwitchListReport.Entry(
                state: try state(row[...]), holds: row[7].integer == 1,
                old: row[6].string.flatMap(SwitchValue.init))
        }
    }

    private func state(_ row: ArraySlice<SQLValue>) throws(BatchError) -> SwitchState {
        guard let state = SwitchState(row) else {
            throw damaged("a switch", table: "switches", effect: "nothing is done")
        }
        return state
    }
}
