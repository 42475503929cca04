/// A part of the application: what belongs to it, and whether the application can do without it for a while.
public struct ModuleDefinition: Hashable, Sendable {
    public var id: String
    public var description: String
    /// Its namespace: a job of another module writes them only when it names this one in `uses`.
    public var tables: [String]
    /// It works on when others are degraded.
    public var isCritical: Bool
    public var flags: [String]
    public var quota: Quota
    /// Where people meet it: pages, calls of the API.
    public var surfaces: [String]

    /// How much work of a module is expected; rules warn at 80 % and at 100 %.
    public struct Quota: Hashable, Sendable {
        public var batchesPerDay: Int?
        public var rowsPerDay: Int?

        public init(batchesPerDay: Int? = nil, rowsPerDay: Int? = nil) {
            self.batchesPerDay = batchesPerDay
            self.rowsPerDay = rowsPerDay
        }
    }

    public init(
        id: String, description: String = "", tables: [String] = [], isCritical: Bool = false, flags: [String] = [],
        quota: Quota = Quota(), surfaces: [String] = []
    ) {
        self.id = id
        self.description = description
        self.tables = tables
        self.isCritical = isCritical
        self.flags = flags
        self.quota = quota
        self.surfaces = surfaces
    }
}

/// A feature of the application that can be switched: `flag:NAME`.
public struct FlagDefinition: Hashable, Sendable {
    public var id: String
    public var description: String
    /// While nobody has switched it.
    public var isOn: Bool
    public var module: String?
    /// Only a person switches it.
    public var isSensitive: Bool

    public init(
        id: String, description: String = "", isOn: Bool = false, module: String? = nil, isSensitive: Bool = false
    ) {
        self.id = id
        self.description = description
        self.isOn = isOn
        self.module = module
        self.isSensitive = isSensitive
    }

    /// The definition as a switch that nobody has set: so a database can tell its applications.
    public var state: SwitchState {
        SwitchState(
            name: .flag(id), value: isOn ? .on : .off, actor: "flags.yaml", reason: "as it is defined",
            setAt: Timestamp(milliseconds: 0))
    }
}
