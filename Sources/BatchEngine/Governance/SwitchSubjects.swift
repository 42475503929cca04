internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// The jobs, modules and tenants that a switch can be about. A switch for a name that nobody has holds nothing back, and
/// whoever set it believes that it does.
struct SwitchSubjects {
    let workspace: Workspace
    let context: Context

    /// - Throws: `ERR_UX_UNKNOWN_SWITCH` with what was probably meant.
    func require(_ name: SwitchName, known states: [SwitchState]) throws(BatchError) {
        // What was set once can be set back, whatever has become of its subject.
        if states.contains(where: { $0.name == name }) { return }
        switch name {
        case .safeMode(.everywhere), .autoHeal(.faults(_, nil)): return
        case .threshold(let rule, let key):
            guard let known = try? RuleList.load(folder: workspace.catalog), !known.rules.isEmpty else { return }
            try require(rule, "rule", in: Set(known.rules.map(\.id)), name)
            try require(key, "number of a rule called", in: ["threshold"], name)
        case .flag(let flag):
            guard let known = try? ModuleList.load(folder: workspace.catalog), !known.flags.isEmpty else { return }
            try require(flag, "flag", in: Set(known.flags.map(\.id)), name)
        case .safeMode(.job(let job)), .autoHeal(.job(let job)), .job(let job, nil): try require(job: job, name)
        case .job(let job, let tenant?):
            try require(job: job, name)
            try require(tenant: tenant, name)
        case .safeMode(.module(let module)), .module(let module):
            guard let jobs = jobs() else { return }
            let known = (try? ModuleList.load(folder: workspace.catalog))?.modules.map(\.id) ?? []
            try require(module, "module", in: Set(jobs.compactMap(\.module) + known), name)
        case .safeMode(.tenant(let tenant)), .autoHeal(.tenant(let tenant)), .autoHeal(.faults(_, let tenant?)),
            .tenant(let tenant):
            try require(tenant: tenant, name)
        }
    }

    private func require(_ word: String, _ kind: String, in known: Set<String>, _ name: SwitchName) throws(BatchError) {
        if known.contains(word) { return }
        throw BatchError(
            .unknownSwitch, "there is no \(kind) '\(word)'\(Suggestion.clause(for: word, in: known.sorted()))",
            hint: "to set \(name) for one that is added later: --unknown")
    }

    /// Nil when the catalog cannot be read: then nobody can be told that a name is wrong, and a switch is for such nights.
    private func jobs() -> [JobDefinition]? {
        guard let catalog = try? workspace.loadCatalog(StepRegistry.builtIn.rules()), catalog.broken.isEmpty else {
            return nil
        }
        return catalog.jobs
    }

    private func require(job: String, _ name: SwitchName) throws(BatchError) {
        guard let jobs = jobs() else { return }
        var known = Set(jobs.map(\.id))
        if known.contains(job) { return }
        try forEachDatabase { (session) throws(BatchError) in
            guard try session.ledger.exists() else { return }
            let ran = try session.connection.rows("SELECT DISTINCT job FROM main.batchmgr_batches")
            known.formUnion(ran.compactMap { $0[0].string })
        }
        try require(job, "job", in: known, name)
    }

    private func require(tenant: String, _ name: SwitchName) throws(BatchError) {
        let databases = workspace.databases
        guard !databases.isEmpty, databases.allSatisfy({ $0.tenancy != .none }) else { return }
        var known: Set<String> = []
        for (_, tenant) in try DatabaseList(workspace).all() { if let tenant { known.insert(tenant) } }
        if known.contains(tenant) { return }
        try forEachDatabase { (session) throws(BatchError) in
            let names = TenantNames(session: session)
            if try names.knows(tenant) { known.insert(tenant) } else { known.formUnion(try names.some()) }
        }
        try require(tenant, "tenant", in: known, name)
    }

    private func forEachDatabase(_ body: (Session) throws(BatchError) -> Void) throws(BatchError) {
        for (database, tenant) in try DatabaseList(workspace).all() {
            // One that cannot be opened now may hold the name.
            guard
                let session = try? Session(
                    workspace, database: database.name, tenant: tenant, context: context, mode: .readOnly)
            else { continue }
            try body(session)
        }
    }
}

/// The databases of a workspace that are there: with tenancy by file, one for each tenant.
struct DatabaseList {
    private let workspace: Workspace

    init(_ workspace: Workspace) { self.workspace = workspace }

    func all() throws(BatchError) -> [(database: DatabaseDefinition, tenant: String?)] {
        var list: [(DatabaseDefinition, String?)] = []
        for database in workspace.databases {
            if database.tenancy == .file {
                for tenant in try tenants(of: database) { list.append((database, tenant)) }
            } else if FolderText.exists(database.path) {
                list.append((database, nil))
            }
        }
        return list
    }

    /// What `{tenant}` stands for in the names of files that are there.
    private func tenants(of database: DatabaseDefinition) throws(BatchError) -> [String] {
        let parts = database.path.split(separator: "{tenant}", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let slash = parts[0].lastIndex(of: "/") else { return [] }
        let before = parts[0][parts[0].index(after: slash)...]
        let after = parts[1].prefix { $0 != "/" }
        return try FolderText.names(in: String(parts[0][..<slash])).compactMap { name in
            guard name.hasPrefix(before), name.hasSuffix(after), name.utf8.count > before.utf8.count + after.utf8.count
            else { return nil }
            let tenant = String(name.dropFirst(before.count).dropLast(after.count))
            let path = database.path.replacing("{tenant}", with: tenant)
            return TenantID.isValidInPath(tenant) && FolderText.exists(path) ? tenant : nil
        }
    }
}

/// A file belongs to one database of the workspace, and to one tenant, whatever links lead to it.
extension DatabaseList {
    /// - Parameter path: of the database, without links.
    /// - Throws: `ERR_SECURITY_TENANT` when it is the file of another tenant; `ERR_UX_INVALID_CONFIGURATION` when it is
    ///   that of another database.
    func requireSole(_ database: DatabaseDefinition, _ tenant: String?, path: String) throws(BatchError) {
        guard workspace.file != nil, let own = FileStatus(path) else { return }
        func isOwn(_ other: String) -> Bool { FileStatus(other)?.isSameFile(as: own) == true }
        for other in workspace.databases + workspace.others {
            let isSame = other.name == database.name
            if other.tenancy != .file {
                if !isSame, isOwn(other.path) { throw twice(path, database, other) }
                continue
            }
            // Behind no link it is the file that its own name says.
            if isSame, own.names == 1, try !hasLinks(database, tenant, path) { continue }
            for name in try tenants(of: other) where isOwn(try other.path(of: name)) {
                if name != tenant, database.tenancy == .file { throw foreign(database, tenant) }
                if !isSame { throw twice(path, database, other) }
            }
        }
    }

    /// Whether the part of the path that names the tenant goes through a link.
    private func hasLinks(_ database: DatabaseDefinition, _ tenant: String?, _ path: String) throws(BatchError) -> Bool
    {
        let before = database.path.split(separator: "{tenant}", maxSplits: 1, omittingEmptySubsequences: false)[0]
        guard let slash = before.lastIndex(of: "/"), let folder = FolderText.resolved(String(before[..<slash])) else {
            return true
        }
        let rest = try database.path(of: tenant).dropFirst(before[..<slash].count)
        return folder + rest != path
    }

    /// Nobody is told whose file it is.
    private func foreign(_ database: DatabaseDefinition, _ tenant: String?) -> BatchError {
        BatchError(
            .otherTenant,
            "database \(database.name)\(tenant.map { " of tenant \($0)" } ?? "") leads to the file of another tenant",
            hint:
                "give each tenant a file of its own; see what leads there: find -L \(ShellText.quoted(workspace.folder)) -samefile FILE"
        )
    }

    private func twice(_ path: String, _ database: DatabaseDefinition, _ other: DatabaseDefinition) -> BatchError {
        BatchError(
            .invalidConfiguration,
            "\(path) has two names in \(Workspace.fileName): \(database.name) and \(other.name), and the rules of one would not hold for the other",
            hint: "leave one of them in \(Workspace.fileName)")
    }
}
