/// The tenant that a batch works for, where tenants share tables.
public struct TenantScope: Hashable, Sendable {
    /// The column that names the owner of a row. Tables without it are shared.
    public var column: String
    /// The tenant; nil for a batch without one, which may write shared tables only.
    public var tenant: String?
    /// Further tenants, of a rollback that undoes batches of several.
    public var others: Set<String>
    /// Shared tables that the job says it writes.
    public var sharedTables: Set<String>

    public init(column: String, tenant: String?, others: Set<String> = [], sharedTables: Set<String> = []) {
        self.column = column
        self.tenant = tenant
        self.others = others
        self.sharedTables = sharedTables
    }

    /// Every tenant whose rows may change; none for a batch without a tenant.
    public var tenants: [String] { (tenant.map { [$0] } ?? []) + others.sorted() }

    /// Names are compared as SQLite compares them.
    func lists(_ table: String) -> Bool { sharedTables.contains { SQLName.areSame($0, table) } }
}
