internal import BatchCatalog
public import BatchCore
internal import BatchLedger

extension Session {
    /// Keeps what the workspace declares in the ledger, for those who write without it.
    func followPolicy() throws(BatchError) {
        guard workspace.file != nil, try ledger.exists() else { return }
        let declared = database.policy
        let kept = try ledger.policy()
        if declared == kept ?? DatabasePolicy() { return }
        try connection.transaction { () throws(BatchError) in
            try ledger.setPolicy(declared)
            try ledger.audit("policy", batch: nil, outcome: "changed", details: declared.json, context: context.shared)
        }
    }

    /// Notes that something was refused. The refusal stands also where it cannot be noted.
    func auditRefusal(_ action: String, of batch: BatchRecord? = nil, _ error: BatchError) {
        guard error.code.errorClass == .security, (try? ledger.exists()) == true else { return }
        var details: [JSONValue.Member] = [
            .init("code", .string(error.code.rawValue)), .init("class", .string(error.code.errorClass.rawValue)),
        ]
        if batch == nil, let tenant { details.append(.init("tenant", .string(tenant))) }
        try? ledger.audit(action, batch: batch, outcome: "refused", details: .object(details), context: context)
    }

    /// For what works on all rows whoever owns them.
    /// - Throws: `ERR_SECURITY_TENANT` when this session is for one tenant of several in the same tables.
    public func requireOperator(_ what: String) throws(BatchError) {
        guard let owner else { return }
        let error = BatchError(
            .otherTenant, "\(what) works on the rows of all tenants, not on those of \(owner) alone",
            hint: "ask somebody who may see them all to run it without --tenant")
        auditRefusal(what, error)
        throw error
    }

    /// Those batches of the edges that this session may show.
    func owned(_ edges: [DependencyEdge]) throws(BatchError) -> Set<Int64> {
        let batches = Set(edges.map(\.batch))
        guard let owner else { return batches }
        let own = try ledger.batches(where: "tenant = ?", [.string(owner)]).map(\.seq)
        return batches.intersection(own)
    }
}
