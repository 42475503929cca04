public import BatchCore

/// A folder with `batchmgr.yaml`, or a database given alone with `--db`. All paths are absolute.
public struct Workspace: Hashable, Sendable {
    public static let fileName = "batchmgr.yaml"

    public let folder: String
    /// The `batchmgr.yaml`; nil for a database given alone.
    public let file: String?
    /// In the order of the file; never empty.
    public let databases: [DatabaseDefinition]
    /// The folder for everything that is written beside the database.
    public let backups: String
    /// The folder of the jobs; nil for a database given alone.
    public let catalog: String?
    public let plugins: [PluginDefinition]
    public let notify: [NotificationRule]
    /// Who may do what at the terminal; nil: everybody everything.
    public let roles: RoleBook?
    public let log: LogSettings
    /// The tenant whose file was named by its path.
    public var tenant: String?
    /// What stays of everything that grows.
    public let keep: KeepPolicy

    public init(
        folder: String, file: String?, databases: [DatabaseDefinition], backups: String, catalog: String?,
        plugins: [PluginDefinition] = [], notify: [NotificationRule] = [], roles: RoleBook? = nil,
        log: LogSettings = LogSettings(), keep: KeepPolicy = KeepPolicy()
    ) {
        self.folder = folder
        self.file = file
        self.databases = databases
        self.backups = backups
        self.catalog = catalog
        self.plugins = plugins
        self.notify = notify
        self.roles = roles
        self.log = log
        self.keep = keep
    }

    /// The database of that name; without a name the only one, or `main` of several.
    /// - Throws: `ERR_UX_USAGE`.
    public func database(named name: String? = nil) throws(BatchError) -> DatabaseDefinition {
        let names = databases.map(\.name)
        if name == nil, databases.count == 1 { return databases[0] }
        let wanted = name ?? "main"
        if let database = databases.first(where: { $0.name == wanted }) { return database }
        throw BatchError(
            .usage, "the workspace has no database '\(wanted)'\(Suggestion.clause(for: wanted, in: names))",
            hint: "it has \(names.joined(separator: ", ")): see \(Workspace.fileName)")
    }

    /// The jobs; none for a database given alone.
    /// - Throws: as `Catalog.load`.
    public func loadCatalog(_ rules: CatalogRules) throws(BatchError) -> Catalog {
        guard let catalog else { return .empty }
        return try Catalog.load(folder: catalog, own(rules))
    }

    /// With the names of this workspace.
    func own(_ rules: CatalogRules) -> CatalogRules {
        var rules = rules
        rules.plugins = plugins.map(\.name)
        rules.databases = databases.map(\.name)
        return rules
    }

    /// True when something was ever recorded here.
    public var hasRecords: Bool { FolderText.exists(backups) }

    /// True when the file of its only database is there.
    public var hasDatabase: Bool { databases.count == 1 && FolderText.isFile(databases[0].path) }
}
