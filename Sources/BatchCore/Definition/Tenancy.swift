/// How a database tells its tenants apart.
public enum Tenancy: String, Hashable, Sendable, CaseIterable {
    case none
    /// By a column; tables without it are shared.
    case column
    /// Each tenant has a database file of its own.
    case file
}
