internal import BatchCore
internal import BatchLedger

/// `batch_signal`.
extension Host {
    /// Adds a value to the sums of this minute, in the transaction that is open.
    ///
    /// It does not end a transaction, so it may be called in any SELECT, also one that reads many rows.
    /// - Parameter tenant: nil for that of the batch that is open, or none.
    /// - Throws: `ERR_UX_UNKNOWN_NAME` for a name that is not declared, `ERR_SECURITY_TENANT` for another tenant than that
    ///   of the batch, `ERR_UX_USAGE` for a value that can be none.
    func addSignal(_ name: String, _ value: Double, tenant: String?) throws(BatchError) {
        guard !isAtWork else {
            throw BatchError(
                .wrongState, "another function of batchmgr is still running on this connection",
                hint: "call it in a SELECT of its own")
        }
        isAtWork = true
        defer {
            isAtWork = false
            // A program that writes one value after the other in a transaction keeps the statements until it ends.
            if connection.isAutocommit { dropStatementsUnlessOpen() }
        }
        try requireSignal(name)
        guard SignalSum.isValue(value) else {
            throw BatchError(
                .usage, "the value of signal '\(name)' is a number from 0 to 1e15",
                hint: "e.g. SELECT batch_signal('\(name)', 120)")
        }
        let owner = try owner(of: name, tenant)
        let write = { [self] () throws(BatchError) in
            try Ledger.addSignal(name, value, tenant: owner, at: now, connection)
        }
        if let gateway = batch?.gateway { try gateway.aside(write) } else { try write() }
    }

    private func owner(of name: String, _ tenant: String?) throws(BatchError) -> String {
        if let tenant, !TenantID.isValid(tenant) {
            throw BatchError(.usage, "'\(tenant)' cannot be the name of a tenant", hint: "give \(TenantID.rule)")
        }
        guard let batch, let own = batch.record.tenant else { return tenant ?? "" }
        guard tenant ?? own == own else {
            throw BatchError(
                .otherTenant, "batch \(batch.name) is for tenant \(own), and signal '\(name)' for another one",
                hint: "leave the tenant out: SELECT batch_signal('\(name)', VALUE)")
        }
        return own
    }

    private func requireSignal(_ name: String) throws(BatchError) {
        let kinds = try declaredSignals()
        guard kinds[name] == nil else { return }
        throw BatchError(
            .unknownName, "no signal '\(name)' is declared\(Suggestion.clause(for: name, in: kinds.keys.sorted()))",
            hint:
                "declare it in batchmgr.yaml, e.g. signals: {checkout: latency}, and tell the database: \(command: "signal list")"
        )
    }

    /// What the workspace declares is in the ledger; the table is there afterwards.
    private func declaredSignals() throws(BatchError) -> [String: SignalKind] {
        let version = connection.dataVersion
        if let signals, signals.version == version { return signals.kinds }
        try requireWritable()
        let ledger = try Ledger(connection)
        guard try ledger.exists() else {
            throw BatchError(
                .wrongState, "no batch has run on this database yet, so no signals are declared here",
                hint: "run one first: \(command: "run --id first --sql 'SELECT 1'")")
        }
        let kinds = try ledger.declaredSignals() ?? [:]
        if !kinds.isEmpty, try !ledger.hasSignals() {
            // An older program has made the ledger.
            let complete = { () throws(BatchError) in
                try ledger.create(databaseID: try ledger.meta("database_id") ?? "")
            }
            // With the transaction of the host the table may go again.
            guard connection.isAutocommit else {
                try complete()
                return kinds
            }
            try connection.transaction(complete)
        }
        signals = (version, kinds)
        return kinds
    }
}
