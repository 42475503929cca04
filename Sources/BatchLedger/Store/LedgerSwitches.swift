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
        try has("batchmgr_switches")
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

/// `--key`: what is done under a key is not done twice.
extension Ledger {
    /// The batch whose work uses up a key: it has committed, or a part of it has and stands. One that failed before its
    /// first checkpoint, or was rolled back, has done nothing that could be done twice.
    /// A key is one of a job and tenant: the jobs of one night share the date.
    public func holder(of key: String, job: String, tenant: String?) throws(BatchError) -> BatchRecord? {
        try batches(
            where: """
                idempotency_key = ?1 AND job = ?3 AND tenant IS ?2 AND (status IN ('running', 'committed', \
                'partially_rolled_back') OR EXISTS(SELECT 1 FROM main.batchmgr_checkpoints c \
                WHERE c.batch = seq AND c.undone_by IS NULL))
                """,
            [.string(key), .optional(tenant), .string(job)]
        ).last
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when another batch has done meanwhile what this one would do.
    public func requireKey(of batch: BatchRecord, besides undone: Set<Int64> = []) throws(BatchError) {
        guard let key = batch.idempotencyKey,
            let other = try holder(of: key, job: batch.batch.job, tenant: batch.tenant),
            other.seq != batch.seq, !undone.contains(other.seq)
        else { return }
        throw BatchError(
            .wrongState,
            "\(other.batch) has done the work of \(batch.batch) in the meantime: both have the key '\(key)'",
            hint: "to have it done by \(batch.batch), undo the other first: \(command: "rollback --id \(other.batch)")")
    }

    /// Undoing a rollback brings batches back to life. Their work must not have been done again meanwhile.
    /// - Parameters:
    ///   - checkpoints: that are to be undone.
    ///   - undone: batches that are undone as well.
    /// - Throws: as `requireKey`.
    public func requireKeys(
        ofRevivedBy checkpoints: [CheckpointRecord], besides undone: [BatchRecord]
    ) throws(BatchError) {
        for checkpoint in checkpoints {
            let revived = try batches(
                where: "seq IN (SELECT batch FROM main.batchmgr_checkpoints WHERE undone_by = ?)",
                [.integer(checkpoint.id)])
            for batch in revived { try requireKey(of: batch, besides: Set(undone.map(\.seq))) }
        }
    }
}
