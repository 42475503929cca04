internal import BatchCore
internal import BatchLedger

/// What a batch of a host may write: as the database says, and what the host adds to that.
extension Host {
    /// - Throws: `ERR_SECURITY_SAFE_MODE`, `ERR_SECURITY_JOB_DISABLED` when a switch stands in the way.
    func requireSwitches(_ job: String, tenant: String?, _ ledger: Ledger) throws(BatchError) {
        let work = SwitchedWork(.run, origin: .person, job: job, tenant: tenant)
        let board = SwitchBoard(try ledger.switches().map(\.state))
        if let state = board.decision(on: work, at: now).cause { throw state.refusal(of: "batch \(job)") }
    }

    func policy(_ ledger: Ledger, tenant: String?, _ options: BatchOptions) throws(BatchError) -> WritePolicy {
        var policy = try ledger.policy() ?? DatabasePolicy()
        if policy.tenantColumn == nil { policy.tenantColumn = options.tenantColumn }
        policy.protected += options.protected
        policy.limits = policy.limits.tightened(by: options.limits)
        return policy.batch(tenant: tenant, sharedTables: options.sharedTables)
    }

    /// `batch_switch`.
    func switchValue(_ name: String) throws(BatchError) -> String {
        defer { dropStatementsUnlessOpen() }
        return try Ledger(connection).switchValue(name)
    }
}

extension WriteLimits {
    /// What both of them allow.
    func tightened(by other: WriteLimits) -> WriteLimits {
        func least<Value: Comparable>(_ values: Value?...) -> Value? { values.compactMap(\.self).min() }
        var tables = self.tables ?? other.tables
        if let own = self.tables, let more = other.tables {
            let admitted = Set(more.map { $0.lowercased() })
            tables = own.filter { admitted.contains($0.lowercased()) }
        }
        return WriteLimits(
            rows: least(rows, other.rows), tables: tables, milliseconds: least(milliseconds, other.milliseconds),
            deletedShare: least(deletedShare, other.deletedShare))
    }
}
