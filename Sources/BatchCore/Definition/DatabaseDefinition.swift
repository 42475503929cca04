/// A database of the workspace, as declared in `batchmgr.yaml`.
public struct DatabaseDefinition: Hashable, Sendable {
    /// Names the branch of the history that its restore points are on.
    public var name: String
    /// Absolute. With tenancy `file` it holds `{tenant}`.
    public var path: String
    public var tenancy: Tenancy
    /// Given exactly when the tenancy is `column`.
    public var tenantColumn: String?
    /// Nil: as the database itself says.
    public var guardMode: GuardMode?
    /// Tables (`ledger_entries`) and columns (`payments.amount_cents`) that only an approved batch may change.
    public var protected: [String]
    /// Tables and columns by the name of their class: a batch that changes one becomes a plan.
    public var classes: [String: [String]]
    /// For batches whose job has no limits of its own.
    public var limits: WriteLimits
    public var snapshot: JobDefinition.SnapshotPolicy

    public init(
        name: String, path: String, tenancy: Tenancy = .none, tenantColumn: String? = nil, guardMode: GuardMode? = nil,
        protected: [String] = [], classes: [String: [String]] = [:], limits: WriteLimits = WriteLimits(),
        snapshot: JobDefinition.SnapshotPolicy = .auto
    ) {
        self.name = name
        self.path = path
        self.tenancy = tenancy
        self.tenantColumn = tenantColumn
        self.guardMode = guardMode
        self.protected = protected
        self.classes = classes
        self.limits = limits
        self.snapshot = snapshot
    }

    /// What the ledger is to keep of it.
    public var policy: DatabasePolicy {
        DatabasePolicy(
            tenantColumn: tenancy == .column ? tenantColumn : nil, protected: protected, classes: classes,
            limits: limits, guardMode: guardMode)
    }
}

/// How a database tells its tenants apart.
public enum Tenancy: String, Hashable, Sendable, CaseIterable {
    case none
    /// By a column; tables without it are shared.
    case column
    /// Each tenant has a database file of its own.
    case file
}

/// What happens to writes that no batch made.
public enum GuardMode: String, Hashable, Sendable, CaseIterable {
    case off
    /// They are noted.
    case track
    /// They are aborted.
    case enforce
}

/// A step kind that the workspace adds: a program that speaks JSON on its standard input and output.
public struct PluginDefinition: Hashable, Sendable {
    public var name: String
    /// Absolute.
    public var path: String

    public init(name: String, path: String) {
        self.name = name
        self.path = path
    }
}
