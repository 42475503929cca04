internal import BatchCatalog
public import BatchCore
internal import BatchLedger

/// Tells the rows of one tenant from those of others, by the same rule as the gateway: same type, same bytes.
struct RowOwner {
    let column: String
    let tenant: String

    init(column: String, tenant: String) {
        self.column = column
        self.tenant = tenant
    }

    /// Nil when the session may show and touch all rows.
    init?(_ session: Session) {
        guard let tenant = session.owner, let column = session.database.tenantColumn else { return nil }
        self.column = column
        self.tenant = tenant
    }

    /// False for tables that all tenants share.
    func isOwned(_ layout: TableLayout) -> Bool { layout.ownerColumn(named: column) != nil }

    /// Whether a tenant may see the rows of a table at all: those of modules are of everybody, and nobody can tell whose.
    func mayShow(_ layout: TableLayout) -> Bool { layout.role == .ordinary }

    /// True also for rows of tables that all tenants share.
    /// - Parameter row: the stored columns.
    func mayShow(_ row: [SQLValue]?, of layout: TableLayout?) -> Bool {
        guard let row, let layout, let owner = layout.ownerColumn(named: column) else { return true }
        guard let place = layout.storedColumns.firstIndex(of: owner), place < row.count else { return false }
        return isOwn(row[place], layout.columns[owner], layout)
    }

    func mayShow(_ change: RowChange, before: TableLayout?, after: TableLayout?) -> Bool {
        mayShow(change.before, of: before ?? after) && mayShow(change.after, of: after ?? before)
    }

    private func isOwn(_ value: SQLValue, _ column: Column, _ layout: TableLayout) -> Bool {
        value == column.stored(tenant: tenant, in: layout, isUTF16: false)
            || value == column.stored(tenant: tenant, in: layout, isUTF16: true)
    }

    /// An SQL condition for the rows of other tenants, with one parameter.
    func others(in layout: TableLayout, isUTF16: Bool) -> (condition: String, value: SQLValue)? {
        guard let owner = layout.ownerColumn(named: column) else { return nil }
        let value = layout.columns[owner].stored(tenant: tenant, in: layout, isUTF16: isUTF16)
        let name = SQLName.quote(layout.columns[owner].name)
        return ("NOT (typeof(\(name)) IS typeof(?1) AND \(name) IS ?1 COLLATE BINARY)", value)
    }

    // MARK: Errors

    func shared(_ table: String) -> BatchError {
        BatchError(
            .otherTenant,
            "table \(table) is shared by all tenants, so its rows cannot be brought back for \(tenant) alone",
            hint: "ask somebody who may see all tenants to run it without --tenant")
    }
}

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
        var details = error.auditDetails
        if batch == nil, let tenant { details.append(.init("tenant", .string(tenant))) }
        try? ledger.audit(action, batch: batch, outcome: "refused", details: .object(details), context: context)
    }

    /// For what works on all rows whoever owns them.
    /// - Throws: `ERR_SECURITY_TENANT` when this session is for one tenant of several in the same tables.
    public func requireOperator(_ what: String) throws(BatchError) {
        guard let owner else { return }
        let error = BatchError(
            .otherTenant, "\(what) works on the rows of all tenants, not only on those of \(owner)",
            hint: "ask somebody who may see all tenants to run it without --tenant")
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
