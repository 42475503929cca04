/// Whether a batch of a job belongs to a tenant.
public enum TenantRule: String, Hashable, Sendable, CaseIterable {
    /// `--tenant` must be given.
    case required
    case optional
    /// `--tenant` must not be given.
    case none
}
