public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchLedger

/// The tenants, jobs, modules and batches that a workspace knows. A filter by a misspelt name must not look like "there
/// is nothing", and what is made for one would never be used: every verb and every call over HTTP asks here.
public struct KnownNames {
    private let workspace: Workspace
    private let context: Context
    private let own: String?

    /// - Parameter tenant: whose batches are looked at for the names of jobs; nil for all.
    public init(_ workspace: Workspace, context: Context, tenant: String? = nil) {
        self.workspace = workspace
        self.context = context
        own = tenant
    }

    /// A tenant has rows, a file, batches, or jobs in the queue: the queue may know one that has no rows yet.
    /// - Parameter mayBeNew: who has none of these yet may begin, unless the name is nearly that of another.
    /// - Throws: `ERR_UX_UNKNOWN_TENANT`; `ERR_SECURITY_TENANT` for what cannot name one.
    public func require(tenant name: String, mayBeNew: Bool = false) throws(BatchError) {
        guard TenantID.isValid(name) else { throw TenantID.error(name, TenantID.rule) }
        if try context.store(of: workspace).queueCount(QueueFilter(tenant: name)) > 0 { return }
        var refusal: BatchError?
        for database in workspace.databases {
            do throws(BatchError) {
                if database.tenancy == .file {
                    try requireFile(of: name, database, mayBeNew)
                } else {
                    let session = try Session.view(workspace.choosing(database), tenant: name, context: context)
                    try session.requireKnownTenant(isView: true, onlyMisspelt: mayBeNew)
                }
                return
            } catch  where error.code == .unknownTenant {
                refusal = error
            } catch {
                // What cannot be looked at is told by whoever needs it.
                return
            }
        }
        if let refusal { throw refusal }
    }

    private func requireFile(
        of name: String, _ database: DatabaseDefinition, _ mayBeNew: Bool
    ) throws(BatchError) {
        let known = try DatabaseList(workspace.choosing(database)).all().compactMap(\.tenant)
        if known.isEmpty || known.contains(name) { return }
        if mayBeNew, Suggestion.nearest(to: name, in: known) == nil { return }
        throw BatchError(
            .unknownTenant, "there is no tenant '\(name)'\(Suggestion.clause(for: name, in: known.sorted()))",
            hint: "check the name, or leave out --tenant")
    }

    /// A job is in the catalog, has batches, or waits in the queue.
    /// - Throws: `ERR_UX_UNKNOWN_JOB`.
    public func require(job name: String) throws(BatchError) {
        if try context.store(of: workspace).queueCount(QueueFilter(job: name)) > 0 { return }
        if let session = try? Session.view(workspace, tenant: own, context: context) {
            return try session.requireKnownJob(name)
        }
        _ = try workspace.loadCatalog(StepRegistry.builtIn.rules()).job(named: name)
    }

    /// A module is in `catalog/modules.yaml`, or a job names it.
    /// - Throws: `ERR_UX_UNKNOWN_NAME`.
    public func require(module name: String) throws(BatchError) {
        let written = try ModuleList.load(folder: workspace.catalog).valid().modules.map(\.id)
        let jobs = (try? workspace.loadCatalog(StepRegistry.builtIn.rules()))?.jobs ?? []
        let known = Set(written + jobs.compactMap(\.module)).sorted()
        if known.contains(name) { return }
        throw BatchError(
            .unknownName, "there is no module '\(name)'\(Suggestion.clause(for: name, in: known))",
            hint: "they are in catalog/modules.yaml")
    }
}
