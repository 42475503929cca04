internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchEngine
internal import BatchSystem

/// A request that was read, with who makes it and what it works with.
struct APICall {
    let api: API
    let request: HTTPRequest
    let route: Route
    let caller: APICaller
    /// Parameters of a job, `name=value`.
    let assignments: [String]
    private(set) var context: Context
    private let values: [String: String]

    init(
        _ api: API, _ request: HTTPRequest, _ route: Route, _ values: [String: String], _ assignments: [String],
        _ caller: APICaller, _ context: Context
    ) {
        self.api = api
        self.request = request
        self.route = route
        self.values = values
        self.assignments = assignments
        self.caller = caller
        self.context = context
        self.context.tenant = values["tenant"]
        self.context.action = route.action ?? ""
        self.context.stopWish = { request.isEnding() ? .atCheckpoint : .goOn }
    }

    func value(_ name: String) -> String? { values[name] }
    func number(_ name: String) -> Int? { values[name].flatMap { Int($0) } }
    func flag(_ name: String) -> Bool { values[name] == "true" }
    func choice<Choice: RawRepresentable<String>>(_ name: String) -> Choice? { values[name].flatMap(Choice.init) }
    /// The texts of a list; none when it is not given.
    func texts(_ name: String) -> [String] {
        values[name]?.split(separator: "\n").map(String.init) ?? []
    }
    var tenant: String? { values["tenant"] }

    /// - Throws: `ERR_UX_USAGE`, as when an option is missing.
    func required(_ name: String) throws(BatchError) -> String {
        if let value = values[name] { return value }
        throw BatchError(.usage, "'\(name)' is missing", hint: "see what the call takes: GET /openapi.yaml")
    }

    func span(_ name: String) throws(BatchError) -> Duration? {
        guard let text = values[name] else { return nil }
        if let span = Duration(text: text) { return span }
        throw BatchError(.usage, "'\(name)' is not a duration", hint: "write it as 30m, 2h or 7d")
    }

    var isAboutWorkspace: Bool {
        !route.hasTenants || ["/api/queue", "/api/incidents"].contains { route.path.hasPrefix($0) }
    }

    /// With the one database that is meant.
    var workspace: Workspace {
        guard let name = values["database"], let database = try? api.workspace.database(named: name) else {
            return api.workspace
        }
        return api.workspace.choosing(database)
    }

    // MARK: Names

    /// What is asked by a name that is not there must not look like what fits nothing. A token of one tenant is for one
    /// that was there.
    func requireKnownNames() throws(BatchError) {
        let names = KnownNames(workspace, context: context, tenant: tenant)
        if caller.tenant == nil, let tenant { try names.require(tenant: tenant) }
        if let job = value("job"),
            route.query.contains(where: { $0.name == "job" }) || route.path.hasPrefix("/api/queue/")
        {
            try names.require(job: job)
        }
        if let module = value("module") { try names.require(module: module) }
    }

    /// The database, opened to be looked at.
    func view() throws(BatchError) -> Session {
        let session = try Session.view(workspace, tenant: tenant, context: context)
        try requireOwn(session)
        try session.requireKnownTenant(isView: true)
        return session
    }

    /// The database, opened to be worked on.
    func session(database: String? = nil, mayBeNew: Bool = false) throws(BatchError) -> Session {
        let session = try Session(workspace, database: database, tenant: tenant, context: context)
        try requireOwn(session)
        if mayBeNew { try session.requireDistinctTenant() } else { try session.requireKnownTenant(isView: false) }
        return session
    }

    /// Where tenants are not told apart, a token for one of them shows nothing.
    private func requireOwn(_ session: Session) throws(BatchError) {
        guard caller.tenant != nil, session.database.tenancy == .none else { return }
        throw BatchError(
            .otherTenant, "database \(session.database.name) has no tenants, and this token is for one",
            hint: "use a token without a tenant")
    }

    func queue() throws(BatchError) -> Queue { try Queue(api.workspace, context: context, api.catalog) }

    func time(_ name: String) throws(BatchError) -> Timestamp {
        let text = try required(name)
        if let time = Timestamp(text: text, now: context.now()) { return time }
        throw BatchError(.usage, "'\(name)' is not a time", hint: "write it as 2026-11-21T02:00Z")
    }

    func report(_ report: any Report, status: Int = 200) -> HTTPResponse { .json(report.json, status: status) }
}
