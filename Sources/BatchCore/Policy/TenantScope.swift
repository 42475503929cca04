/// The tenant that a batch works for, where tenants share tables.
public struct TenantScope: Hashable, Sendable {
    /// The column that names the owner of a row. Tables without it are shared.
    public var column: String
    /// The tenant; nil for a batch without one, which may write shared tables only.
    public var tenant: String?
    /// Shared tables that the job says it writes.
    public var sharedTables: Set<String>

    public init(column: String, tenant: String?, sharedTables: Set<String> = []) {
        self.column = column
        self.tenant = tenant
        self.sharedTables = sharedTables
    }
}
