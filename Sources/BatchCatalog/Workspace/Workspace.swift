public import BatchCore

/// A folder with `batchmgr.yaml`, or a database given alone with `--db`. All paths are absolute.
public struct Workspace: Hashable, Sendable {
    public static let fileName = "batchmgr.yaml"

    public let folder: String
    /// The `batchmgr.yaml`; nil for a database given alone.
    public let file: String?
    /// In the order of the file; never empty.
    public private(set) var databases: [DatabaseDefinition]
    /// The folder for everything that is written beside the database.
    public let backups: String
    /// The folder of the jobs; nil for a database given alone.
    public let catalog: String?
    public let plugins: [PluginDefinition]
    public let notify: [NotificationRule]
    /// Who may do what at the terminal; nil: everybody everything.
    public let roles: RoleList?
    public let log: LogSettings
    /// The databases that were left out when one was chosen.
    public private(set) var others: [DatabaseDefinition] = []
    /// The tenant whose file was named by its path.
    public var tenant: String?
    /// What stays of everything that grows.
    public let keep: KeepPolicy
    /// How a service answers; a command line may say otherwise.
    public var http: HTTPSettings
    /// The folder of the documents: what comes in, what goes out, and what is worked on.
    public let data: String
    /// What the application says about itself, by name.
    public let signals: [String: SignalKind]
    /// Where traces go to; nil: there are none.
    public let traces: TraceSettings?
    public var queue = QueueSettings()
    /// Who hears that the service lives; nil: nobody.
    public var watchdog: WatchdogSettings?

    public init(
        folder: String, file: String?, databases: [DatabaseDefinition], backups: String, catalog: String?,
        data: String? = nil, plugins: [PluginDefinition] = [], notify: [NotificationRule] = [], roles: RoleList? = nil,
        log: LogSettings = LogSettings(), keep: KeepPolicy = KeepPolicy(),
        http: HTTPSettings = HTTPSettings(), signals: [String: SignalKind] = [:], traces: TraceSettings? = nil
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
        self.http = http
        self.data = data ?? FolderText.join(folder, "data")
        self.signals = signals
        self.traces = traces
    }

    /// The database of that name; without a name the only one, or `main` of several.
    /// - Throws: `ERR_UX_USAGE`.
    public func database(named name: String? = nil) throws(BatchError) -> DatabaseDefinition {
        let names = databases.map(\.name)
        if name == nil, databases.count == 1 { return databases[0] }
        let wanted = name ?? "main"
        if let database = databases.first(where: { $0.name == wanted }) { return database }
        if others.contains(where: { $0.name == wanted }) {
            throw BatchError(
                .usage, "this is about database '\(wanted)', and the command names \(names.joined(separator: ", "))",
                hint: "leave the option out, or name that one: --database \(wanted)")
        }
        throw BatchError(
            .unknownName, "the workspace has no database '\(wanted)'\(Suggestion.clause(for: wanted, in: names))",
            hint: "it has \(names.joined(separator: ", ")): see \(Workspace.fileName)")
    }

    /// The same workspace with one of its databases alone.
    public func choosing(_ database: DatabaseDefinition) -> Workspace {
        var chosen = self
        chosen.databases = [database]
        chosen.others = (databases + others).filter { $0.name != database.name }
        return chosen
    }

    /// The same workspace with all its databases.
    public var whole: Workspace {
        var whole = self
        whole.databases += others
        whole.others = []
        return whole
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
        rules.databases = (databases + others).map(\.name)
        return rules
    }

    /// True when something was ever recorded here.
    public var hasRecords: Bool { FolderText.exists(backups) }

    /// True when the file of its only database is there.
    public var hasDatabase: Bool { databases.count == 1 && FolderText.isFile(databases[0].path) }
}

extension Workspace {
    /// The workspace that `start` is in: the nearest folder upwards with a `batchmgr.yaml`.
    /// - Throws: `ERR_UX_NO_WORKSPACE`, or as `load`.
    public static func find(from start: String = ".") throws(BatchError) -> Workspace {
        var folder = FolderText.resolved(start) ?? ""
        while !folder.isEmpty {
            if FolderText.exists(FolderText.join(folder, fileName)) { return try load(folder) }
            if folder == "/" { break }
            folder = FolderText.parent(folder)
        }
        throw BatchError(
            .noWorkspace, "no \(fileName) in this folder or above it",
            hint: "make one: \(command: "init --database PATH"); or name a database: --db PATH")
    }

    /// Reads the `batchmgr.yaml` of a folder.
    /// - Throws: `ERR_UX_NO_WORKSPACE`; `ERR_UX_INVALID_CONFIGURATION` with all mistakes and their places;
    ///   `ERR_INTEGRATION_PLUGIN_DUPLICATE` when a plugin is declared twice.
    public static func load(_ folder: String) throws(BatchError) -> Workspace {
        let root = FolderText.resolved(folder) ?? folder
        let path = FolderText.join(root, fileName)
        guard FolderText.exists(path) else {
            throw BatchError(
                .noWorkspace, "there is no \(fileName) in \(FolderText.shown(root))",
                hint: "make one there: \(command: "init --database PATH")")
        }
        switch try FolderText.read(path, limit: YAMLDocument.largestSize) {
        case .text(let text):
            return try WorkspaceReader.read(text: text, file: FolderText.shown(path), folder: root)
        case .unreadable(let mark, let message):
            var source = SourceText(file: FolderText.shown(path), text: "", code: .invalidConfiguration)
            source.report(mark, message)
            throw WorkspaceReader.error(source)
        }
    }

    /// The workspace of a database given alone: `backups/batch_manager` in its folder, no catalog. The file need not
    /// be there yet.
    public static func adHoc(database path: String) -> Workspace {
        let absolute = FolderText.join(FolderText.current, path)
        let parent = FolderText.parent(absolute)
        let folder = FolderText.resolved(parent) ?? parent
        let name = (absolute.pathNames.last ?? "")
        return Workspace(
            folder: folder, file: nil,
            databases: [DatabaseDefinition(name: "main", path: FolderText.join(folder, name))],
            backups: FolderText.join(folder, "backups/batch_manager"), catalog: nil)
    }

    /// Writes a `batchmgr.yaml` and reads it back. The folder must exist; the database need not.
    /// - Throws: `ERR_UX_FILE_EXISTS` when there is one; `ERR_UX_USAGE` when tenancy, column and path do not fit.
    public static func initialise(
        _ folder: String, database path: String, tenancy: Tenancy = .none, tenantColumn: String? = nil
    ) throws(BatchError) -> Workspace {
        guard (tenancy == .column) == (tenantColumn != nil) else {
            let what = tenantColumn == nil ? "needs a column" : "has no column"
            throw BatchError(
                .usage, "tenancy '\(tenancy.rawValue)' \(what)",
                hint: "give both: --tenancy column --tenant-column NAME")
        }
        guard (tenancy == .file) == path.contains("{tenant}") else {
            throw BatchError(
                .usage, "tenancy 'file' goes with a path that holds {tenant}, and no other does",
                hint: "give both: --tenancy file --database 'data/{tenant}.db'")
        }
        let file = FolderText.join(FolderText.resolved(folder) ?? folder, fileName)
        try FolderText.create(file, text(database: path, tenancy: tenancy, tenantColumn: tenantColumn))
        return try load(folder)
    }

    private static func text(database path: String, tenancy: Tenancy, tenantColumn: String?) -> String {
        var lines = [
            "# Every key is explained in docs/configuration.md.", "databases:", "  main:",
            "    path: \(AdHocText.quoted(path))", "    tenancy: \(tenancy.rawValue)",
        ]
        if let tenantColumn { lines.append("    tenant_column: \(AdHocText.quoted(tenantColumn))") }
        lines += ["    snapshot: auto", "backups: backups/batch_manager", "catalog: catalog"]
        return lines.joined(separator: "\n") + "\n"
    }
}

/// A value that stands in `batchmgr.yaml`, with its place.
public struct WrittenSetting: Hashable, Sendable {
    /// `http.port`, `databases.main.path`, `notify.0.exec`
    public let name: String
    public let value: String
    /// Counted from 1.
    public let line: Int

    /// All values of a text, in its order.
    /// - Throws: `ERR_UX_INVALID_CONFIGURATION` when it is no YAML.
    public static func read(_ text: String) throws(BatchError) -> [WrittenSetting] {
        do throws(YAMLNode.Fault) {
            var found: [WrittenSetting] = []
            append(try YAMLDocument.read(text), named: "", line: 1, to: &found)
            return found
        } catch {
            throw BatchError(
                .invalidConfiguration, "\(Workspace.fileName) line \(error.mark.line): \(error.message)",
                hint: "correct it; its keys are in docs/configuration.md")
        }
    }

    private static func append(_ node: YAMLNode, named name: String, line: Int, to found: inout [WrittenSetting]) {
        func inner(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }
        for entry in node.entries { append(entry.value, named: inner(entry.key), line: entry.mark.line, to: &found) }
        for (place, element) in node.elements.enumerated() {
            append(element, named: inner("\(place)"), line: element.start.line, to: &found)
        }
        if let text = node.text { found.append(WrittenSetting(name: name, value: text, line: line)) }
    }
}
