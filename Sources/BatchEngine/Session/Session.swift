public import BatchCore
public import BatchHistory
public import BatchLedger

/// One database of a workspace, opened for a command.
public final class Session {
    public let workspace: Workspace
    public let database: DatabaseDefinition
    public let context: Context
    /// The file; tenancy by file has named the tenant in it.
    public let path: String
    public let connection: Connection
    public let ledger: Ledger

    /// Opens the database for reading and writing, or for reading alone when the file does not allow more.
    ///
    /// - Parameter tenant: names the file when the tenancy is by file.
    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_DATA_NOT_A_DATABASE`, `ERR_INTEGRATION_READ_ONLY`.
    public init(
        _ workspace: Workspace, database name: String? = nil, tenant: String? = nil, context: Context,
        mode: Connection.Mode = .readWrite
    ) throws(BatchError) {
        self.workspace = workspace
        self.context = context
        database = try workspace.database(named: name)
        path = try Session.file(database, tenant)
        try DatabaseFile(path).check(mustWrite: mode.canWrite)
        connection = try Connection(path: path, mode: mode)
        // The first read tells whether the file is a database at all.
        do throws(BatchError) {
            _ = try connection.value("SELECT count(*) FROM main.sqlite_schema")
        } catch {
            throw BatchError(
                error.code,
                error.message.replacing("prepare SQL:", with: "\(path):")
                    .replacing("run SQL:", with: "\(path):"), hint: error.hint)
        }
        ledger = try Ledger(connection)
    }

    public var backups: String { workspace.backups }

    public var git: GitStore { GitStore(path: backups + "/history.git") }

    private static func file(_ database: DatabaseDefinition, _ tenant: String?) throws(BatchError) -> String {
        guard database.tenancy == .file else { return database.path }
        guard let tenant, JobID.isValid(tenant) else {
            throw BatchError(
                .usage, "database \(database.name) has one file for each tenant",
                hint: "name the tenant: --tenant NAME (\(JobID.rule))")
        }
        return database.path.replacing("{tenant}", with: tenant)
    }
}

extension Session {
    /// The branch of the history that this database is on.
    public var branch: String {
        let name = workspace.file == nil ? fileName : database.name
        return database.tenancy == .file ? "\(name)/\(fileName)" : name
    }

    /// The name of the file, with characters that git does not allow in branches replaced.
    private var fileName: String {
        let last = path.split(separator: "/").last.map(String.init) ?? "main"
        let safe = last.map {
            $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "_" || $0 == "-") ? $0 : "_"
        }
        var name = String(safe).split(separator: ".").joined(separator: ".")
        while name.hasPrefix("-") { name.removeFirst() }
        return name.isEmpty || name.hasSuffix(".lock") ? name + "_" : name
    }
}

extension Session {
    /// The plugins of the workspace.
    /// - Throws: `ERR_INTEGRATION_PLUGIN_DUPLICATE`.
    func plugins() throws(BatchError) -> PluginRegistry {
        try PluginRegistry(workspace.plugins.map { ($0.name, $0.path) }, folder: workspace.folder)
    }
}
