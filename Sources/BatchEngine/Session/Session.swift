public import BatchCatalog
public import BatchCore
public import BatchHistory
public import BatchLedger
internal import BatchSystem

/// One database of a workspace, opened for a command.
public final class Session {
    public let workspace: Workspace
    /// Of a database given alone: with the rules that its ledger keeps.
    public let database: DatabaseDefinition
    /// Nil: all of them.
    public private(set) var tenant: String?
    public private(set) var context: Context
    /// The file; tenancy by file has named the tenant in it.
    public let path: String
    public let connection: Connection
    public let ledger: Ledger
    /// Where the database belongs.
    public internal(set) var home: Home
    private(set) var homeState = HomeSearch.State.unplaced
    /// Why it is not known where it belongs.
    private(set) var homeFault: BatchError?
    /// Where it belongs when it does not say so itself.
    let standardHome: Home
    /// A copy that works with the home of another database: it claims none.
    let isStandIn: Bool
    /// Restore points are written under the lock, also where others could write meanwhile.
    var writesPointsAlone = false
    /// Definitions that were read from the ledger, by their text.
    private var pinnedJobs: [String: JobDefinition] = [:]

    /// Opens the database for reading and writing, or for reading alone when the file does not allow more.
    ///
    /// - Parameters:
    ///   - tenant: names the file when the tenancy is by file.
    ///   - home: of the database that this one is a copy of, to try things on.
    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_DATA_NOT_A_DATABASE`, `ERR_INTEGRATION_READ_ONLY`.
    public init(
        _ workspace: Workspace, database name: String? = nil, tenant: String? = nil, context: Context,
        mode: Connection.Mode = .readWrite, standingFor home: Home? = nil, requiringHome: Bool = true
    ) throws(BatchError) {
        self.workspace = workspace
        self.context = context
        let tenant = tenant ?? workspace.tenant
        self.tenant = tenant
        var database = try workspace.database(named: name)
        let named = try database.path(of: tenant)
        path = FolderText.resolved(named) ?? named
        do throws(BatchError) {
            try DatabaseFile(path).check(mustWrite: mode.canWrite)
        } catch  where error.code == .fileMissing && database.tenancy == .file {
            let names = (try? DatabaseList(workspace).all().compactMap(\.tenant)) ?? []
            throw error.with(
                message: error.message + Suggestion.clause(for: tenant ?? "", in: Set(names).sorted()),
                hint: "check the name of the tenant: --tenant NAME")
        }
        Permissions.limit(to: path)
        connection = try Connection(path: path, mode: mode)
        for function in Checksums.functions { connection.add(function) }
        // The first read tells whether the file is a database at all.
        do throws(BatchError) {
            _ = try connection.value("SELECT count(*) FROM main.sqlite_schema")
        } catch {
            guard let said = error.saidBySQLite else { throw error }
            throw error.with(message: "\(path): \(said)", subject: .file(path))
        }
        ledger = try Ledger(connection)
        if workspace.file == nil, let kept = try ledger.policy() { database.adopt(kept) }
        self.database = database
        if home == nil { try DatabaseList(workspace).requireSole(database, tenant, path: path) }
        standardHome = Home.standard(workspace, database, tenant: tenant, path: path)
        isStandIn = home != nil
        self.home = home ?? standardHome
        addFunctions()
        if home == nil {
            try requireOtherThanOurs()
            do throws(BatchError) {
                try findHome()
            } catch {
                if requiringHome { throw error }
                homeFault = error
            }
        }
        try requireTenantName()
    }

    /// Turns to another order on the same file.
    /// - Throws: `ERR_SECURITY_TENANT` when the tenant can be none.
    func turn(to tenant: String?, context: Context) throws(BatchError) {
        self.context = context
        if database.tenancy != .file { self.tenant = tenant ?? workspace.tenant }
        try requireTenantName()
    }

    /// Whether the ledger is behind its history was asked already.
    var hasLookedForOlderCopy = false
    /// A turn is taken: the lease is this session's.
    var hasTurn = false
    /// A worker of the queue has it, which lets others go first between two jobs.
    var worksQueue = false
    /// `Connection.dataVersion` at which the rows are known to be as the ledger remembers them.
    var untouchedSince: Int64?
    /// `Connection.dataVersion` after the last commit of work that has ended.
    var settledAt: Int64?
    /// Nil while there is no ledger.
    var databaseID: String? {
        get throws(BatchError) { try ledger.exists() ? try ledger.meta("database_id") : nil }
    }

    /// The pinned definition of a batch. It never changes, so it is read once.
    func job(of batch: BatchRecord) throws(BatchError) -> JobDefinition {
        guard let text = batch.definition else {
            throw BatchError(
                .wrongState, "batch \(batch.batch) has no definition: batchmgr made it itself",
                hint: "see it: \(command: "show --id \(batch.batch)")")
        }
        if let known = pinnedJobs[text] { return known }
        let job = try JobDefinition.parse(text: text, file: "\(batch.batch)", context.steps.rules())
        pinnedJobs[text] = job
        return job
    }

    /// The tenant whose rows alone this session may show and touch; nil where it may all.
    public var owner: String? { database.tenancy == .column ? tenant : nil }

    /// Whether a batch of a job stands that others may need.
    public func hasCommitted(_ job: String) throws(BatchError) -> Bool {
        guard try ledger.exists() else { return false }
        return try ledger.lastCommitted(job, seenBy: owner) != nil
    }

    /// The folder of its copies and its history.
    public var backups: String { home.folder }

    /// Everything that is one for the whole workspace.
    public var controlFolder: String { workspace.backups }

    private func requireTenantName() throws(BatchError) {
        guard let tenant, !TenantID.isValid(tenant) else { return }
        let error = TenantID.error(tenant, TenantID.rule)
        auditRefusal("open", error)
        throw error
    }

    public var git: GitStore { GitStore(path: backups + "/history.git", tagPrefix: home.tags) }
}

extension Session {
    /// The branch of the history that this database is on.
    public var branch: String { home.branch }

    /// Looks anew where the database belongs.
    func findHome() throws(BatchError) {
        if isStandIn { return }
        let found = try homeSearch().look()
        home = found.home
        homeState = found.state
    }

    /// - Throws: `ERR_UX_USAGE` for a file that batchmgr keeps beside databases.
    private func requireOtherThanOurs() throws(BatchError) {
        let sql = """
            SELECT name FROM main.sqlite_schema \
            WHERE type = 'table' AND name IN ('batchmgr_bak_manifest', 'trusted_keys', 'switch_history')
            """
        let names = try connection.rows(sql).compactMap { $0[0].string }
        let file = path.pathNames.last ?? ""
        if names.contains("batchmgr_bak_manifest") {
            let kind = try connection.value("SELECT value FROM main.batchmgr_bak_manifest WHERE key = 'kind'")?.string
            guard kind == "full", !(file.hasPrefix("batch_") && file.hasSuffix(".bak")) else {
                throw BatchError(
                    .usage, "\(path) is a copy that batchmgr made of a database, and must not be changed",
                    hint: "see the points of its database: \(command: "--db PATH points"), and restore one: "
                        + "\(command: "--db PATH restore --point POINT --to FILE")")
            }
        } else if names.count == 2 || path.contains("/history.git/") {
            throw BatchError(
                .usage, "\(path) is a file of batchmgr itself, and must not be changed",
                hint: "name the database itself: \(command: "--db PATH list")")
        }
    }

    /// Whose `.bak` files this session may read and remove.
    var bakOwner: BakFile.Owner {
        let names =
            (try? ledger.exists()) == true ? try? ledger.points(where: "bak IS NOT NULL").compactMap(\.bak) : nil
        return BakFile.Owner(ledger: (try? databaseID) ?? nil, database: branch, names: names.map { Set($0) })
    }
}

extension Session {
    /// Asks the owner of the lease to stop at its next checkpoint. While a checkpoint is open that has to wait.
    /// - Throws: `ERR_PERF_BUSY` when there is no end to it.
    func requestStop(_ row: LeaseTable.Row) throws(BatchError) {
        let other = try Connection(path: path, busyTimeout: 0)
        let end = context.clock.now() + 30_000
        while true {
            do throws(BatchError) {
                _ = try LeaseTable(other).requestStop(row.epoch)
                return
            } catch {
                guard error.code == .busy, context.clock.now() < end else { throw error }
                context.sleep(1)
            }
        }
    }

    /// What is asked about a batch is answered without a lease where there never was one.
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`.
    func requireLedger(for reference: BatchReference) throws(BatchError) {
        if try !ledger.exists() { _ = try BatchLookup(self).batch(reference) }
    }
}

extension Session {
    /// The plugins of the workspace.
    /// - Throws: `ERR_INTEGRATION_PLUGIN_DUPLICATE`.
    public func plugins() throws(BatchError) -> PluginRegistry {
        try PluginRegistry(workspace.plugins.map { ($0.name, $0.path) }, folder: workspace.folder)
    }
}

extension DatabaseDefinition {
    /// The file, by the name of the tenant where each has one.
    /// - Throws: `ERR_UX_USAGE` when there is none to name it; `ERR_SECURITY_TENANT` when the name is more than a name.
    public func path(of tenant: String?) throws(BatchError) -> String {
        guard tenancy == .file else { return path }
        guard let tenant else {
            throw BatchError(
                .usage, "database \(name) has one file for each tenant",
                hint: "name the tenant: --tenant NAME (\(TenantID.fileRule))")
        }
        guard TenantID.isValidInPath(tenant) else { throw TenantID.error(tenant, TenantID.fileRule) }
        return path.replacing("{tenant}", with: tenant)
    }

    /// Takes over the rules that the ledger keeps of the workspace.
    fileprivate mutating func adopt(_ policy: DatabasePolicy) {
        tenancy = policy.tenantColumn == nil ? .none : .column
        tenantColumn = policy.tenantColumn
        protected = policy.protected
        classes = policy.classes
        limits = policy.limits
    }
}

extension TenantID {
    static func error(_ tenant: String, _ rule: String) -> BatchError {
        BatchError(
            .otherTenant, "\(SQLLiteral.value(.string(String(tenant.prefix(80))))) cannot name a tenant",
            hint: "a tenant is named by \(rule): --tenant NAME")
    }
}

/// The file of a database, looked at before SQLite does: its errors are better.
struct DatabaseFile {
    let path: String

    init(_ path: String) { self.path = path }

    func check(mustWrite: Bool) throws(BatchError) {
        guard let status = FileStatus(path) else {
            throw BatchError(
                .fileMissing, "there is no database \(path)", hint: "check the path: --db PATH", cause: .noDatabase)
        }
        guard status.isFile else {
            throw BatchError(
                .notADatabase, "\(path) is not a file", hint: "give the path of a SQLite database: --db PATH")
        }
        guard Folder.mayRead(path) else {
            throw BatchError(
                .file, "\(path) cannot be read", hint: "see the permissions: \(command: "doctor --db \(path)")")
        }
        guard mustWrite else { return }
        for place in [path, FilePath.parent(path)] where !Folder.mayWrite(place) {
            throw BatchError(
                .readOnly, "\(place) cannot be written", hint: "see the permissions: \(command: "doctor --db \(path)")"
            )
        }
    }

    /// Bytes, with the write-ahead log.
    var size: Int64 {
        ["", "-wal"].reduce(0) { sum, ending in
            sum + (FileStatus(path + ending)?.size ?? 0)
        }
    }
}
