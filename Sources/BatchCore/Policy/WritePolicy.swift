/// What a batch may write: decided before it begins, checked by the gateway on what was recorded.
public struct WritePolicy: Hashable, Sendable {
    /// Nil: the database has no tenants in columns.
    public var tenant: TenantScope?
    /// Tables and columns that only an approved batch may change.
    public var protected: [ProtectedName]
    public var limits: WriteLimits
    /// The plan of this batch that a named human approved; nil for ordinary batches.
    public var approval: Approval?

    public init(
        tenant: TenantScope? = nil, protected: [ProtectedName] = [], limits: WriteLimits = WriteLimits(),
        approval: Approval? = nil
    ) {
        self.tenant = tenant
        self.protected = protected
        self.limits = limits
        self.approval = approval
    }
}
