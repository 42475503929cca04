/// A job of the catalog: what a batch of it will do. Everything in it comes from `text`.
public struct JobDefinition: Hashable, Sendable {
    public var id: String
    public var version: SemanticVersion
    /// One line for lists; empty when not given.
    public var description: String
    public var tenant: TenantRule
    /// The database of the workspace that it works on; nil: the only one, or `main`.
    public var database: String?
    /// Tables without the tenant column that the job writes.
    public var sharedTables: [String]
    /// How much a batch may change; what they leave open is as the database says.
    public var limits: WriteLimits
    /// The part of the application it belongs to; nil: to none.
    public var module: String?
    /// Other modules whose tables it may write.
    public var uses: [String] = []
    /// Nil for a job that repairs nothing.
    public var repair: RepairDefinition?
    /// Its programs may run twice.
    public var isIdempotent = false
    /// Heal level, 0 to 3: see the glossary.
    public var level: Int
    /// A critical job gets a full snapshot before it runs.
    public var isCritical: Bool
    /// Jobs that must have a committed batch before this one runs; a batch of this job depends on their latest.
    public var needs: [String]
    public var parameters: [ParameterDefinition]
    public var steps: [StepDefinition]
    /// Queries that return one true value when the data is right: after a run, and after a rollback.
    public var verify: [String]
    public var schedule: ScheduleDefinition?
    public var onFailure: FailureAction
    /// How long the whole batch may take; nil means without limit.
    public var timeout: Duration?
    public var notify: [NotificationRule]
    /// Nil leaves the choice to the workspace.
    public var snapshot: SnapshotPolicy?
    /// The YAML text this was read from, byte for byte. It is pinned in the ledger with each batch, and parsing it
    /// again gives this definition.
    public var text: String

    public init(
        id: String, version: SemanticVersion, description: String = "", tenant: TenantRule = .optional, level: Int = 0,
        sharedTables: [String] = [], limits: WriteLimits = WriteLimits(), isCritical: Bool = false,
        needs: [String] = [], parameters: [ParameterDefinition] = [],
        steps: [StepDefinition], verify: [String] = [], schedule: ScheduleDefinition? = nil,
        onFailure: FailureAction = .stop, timeout: Duration? = nil, notify: [NotificationRule] = [],
        snapshot: SnapshotPolicy? = nil, text: String
    ) {
        self.id = id
        self.version = version
        self.description = description
        self.tenant = tenant
        self.sharedTables = sharedTables
        self.limits = limits
        self.level = level
        self.isCritical = isCritical
        self.needs = needs
        self.parameters = parameters
        self.steps = steps
        self.verify = verify
        self.schedule = schedule
        self.onFailure = onFailure
        self.timeout = timeout
        self.notify = notify
        self.snapshot = snapshot
        self.text = text
    }

    /// What happens to a batch when one of its steps fails.
    public enum FailureAction: String, Hashable, Sendable, CaseIterable {
        /// Earlier checkpoints stay; `resume` goes on from there.
        case stop
        /// The checkpoints made so far are undone.
        case rollback
    }

    /// Which kind of `.bak` a restore point gets.
    public enum SnapshotPolicy: String, Hashable, Sendable, CaseIterable {
        /// Full where it is needed or cheap, delta otherwise.
        case auto
        case full
        case delta
    }

    /// Whether a batch of a job belongs to a tenant.
    public enum TenantRule: String, Hashable, Sendable, CaseIterable {
        /// `--tenant` must be given.
        case required
        case optional
        /// `--tenant` must not be given.
        case none
    }
}
