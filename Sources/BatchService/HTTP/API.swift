public import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine
internal import BatchSystem
internal import Synchronization

/// The HTTP interface of a workspace: from a request to its answer.
public final class API: Sendable {
    let workspace: Workspace
    let version: String
    let makeContext: @Sendable () -> Context
    let meter = RequestMeter()
    let streams = Atomic(0)
    /// An answer has told of a damaged database.
    let damage = Atomic(false)
    /// What the service waits for to end.
    let obstacle = Mutex<ErrorCode?>(nil)
    var waitsFor: ErrorCode? { obstacle.withLock { $0 } }
    let sessions = BrowserSessions()
    let access: APIAccess
    let catalog: KeptCatalog
    private let pool = ControlPool()
    private let signer = HeadSigner()
    private let clock: MonotonicClock
    static let routes: [Route] =
        ServiceRoutes.all + JobRoutes.all + ConsoleRoutes.all + ViewRoutes.all + HistoryRoutes.all + WorkRoutes.all
        + QueueRoutes.all
        + ScheduleRoutes.all + SignalRoutes.all + SupportRoutes.all + HealRoutes.all + IncidentRoutes.all
        + ReleaseRoutes.all + DocumentRoutes.all + [EventStream.route]
    private static let patterns = routes.map { RoutePattern($0) }
    private static let jobs = routes.first { $0.path == "/jobs" }

    /// - Parameters:
    ///   - version: of the tool.
    ///   - makeContext: called for each request: what one leaves open ends with it.
    /// - Throws: `ERR_UX_INVALID_CONFIGURATION` when an address in `http:` is none.
    public init(
        _ workspace: Workspace, version: String, makeContext: @escaping @Sendable () -> Context
    ) throws(BatchError) {
        self.workspace = workspace
        self.version = version
        self.makeContext = makeContext
        catalog = KeptCatalog(workspace)
        clock = makeContext().clock
        access = try APIAccess(workspace, sessions)
    }

    public func answer(_ request: HTTPRequest) -> HTTPResponse {
        let begin = clock.now()
        var route: Route?
        var response: HTTPResponse
        do throws(HTTPFault) {
            response = try answer(request, &route)
        } catch {
            if [.corruptDatabase, .notADatabase].contains(error.error.code) { damage.store(true, ordering: .relaxed) }
            response = route?.hasPlainErrors == true ? API.plain(error) : error.response
        }
        meter.note(
            route?.name ?? "other", status: response.status, route.flatMap { API.surface(of: request, $0) },
            from: begin, to: clock.now())
        return response
    }

    /// Whose promise a call counts for. What takes as long as its work takes counts for none.
    private static func surface(of request: HTTPRequest, _ route: Route) -> SLODefinition.Surface? {
        if route.name == EventStream.route.name || (route.method == .post && route.hasTenants) {
            return nil
        }
        if ConsoleRoutes.all.contains(where: { $0.name == route.name }) { return .console }
        return request.hasHeader("cookie") && !request.hasHeader("authorization") ? .console : .api
    }

    /// A few seconds of figures are no loss.
    private func keepMeasures(isLast: Bool = false) {
        let sums = meter.take(at: clock.now(), isLast: isLast)
        if sums.isEmpty { return }
        let context = makeContext()
        try? context.store(of: workspace).add(sums: sums, at: context.now())
    }

    /// What no answer waits for.
    func settle() {
        keepMeasures()
        signAudit()
    }

    /// Signs the end of the audit, where requests came too fast for each to do so.
    private func signAudit() {
        if signer.takeWaiting() { AuditTrail(workspace, context: makeContext()).signControl() }
    }

    func end() {
        keepMeasures(isLast: true)
        signAudit()
    }

    private static func plain(_ fault: HTTPFault) -> HTTPResponse {
        .json(
            ["error": .string(fault.error.message), "status": JSONValue(fault.status)], status: fault.status,
            headers: fault.headers)
    }

    /// The answer to what is no request, in the words of the calls at its path.
    @Sendable static func refusal(of path: String, _ fault: HTTPFault) -> HTTPResponse {
        ["/jobs", "/config"].contains(where: path.hasPrefix) ? plain(fault) : fault.response
    }

    private func answer(_ request: HTTPRequest, _ found: inout Route?) throws(HTTPFault) -> HTTPResponse {
        let client = access.client(of: request)
        try access.requireRate(of: client.network, isFailure: false)
        if request.path.hasPrefix("/jobs") { found = API.jobs }
        let words = try API.words(of: request.path)
        let (route, values) = try API.route(request.method, words)
        found = route
        var context = makeContext()
        pool.lend(to: &context)
        var isInUse = false
        defer { if !isInUse { pool.takeBack(context) } }
        context.log = Log(workspace, context: context)
        context.notes.describe("peer", .string(client.description))
        context.notes.describe("request", .string("\(route.method.rawValue) \(route.path)"))
        let caller = try caller(request, client, route, &context)
        let response = try perform(try call(request, route, values, caller, context))
        // A stream goes on asking.
        if case .bytes = response.body {} else { isInUse = true }
        return response
    }

    /// Who makes the request, as what is done says it; a refusal is a row in the audit, also of one that nobody knows.
    private func caller(
        _ request: HTTPRequest, _ client: IPAddress, _ route: Route, _ context: inout Context
    ) throws(HTTPFault) -> APICaller {
        var known: APICaller?
        do throws(HTTPFault) {
            let caller = try access.caller(request, client, route, context)
            known = caller
            context.actor = caller.person
            if let token = caller.token { context.notes.describe("token", .string(token)) }
            if caller.isSupport { context.onBehalfOf = caller.tenant }
            try access.require(route, of: caller)
            return caller
        } catch {
            if known == nil { context.actor = APICaller.anybody.person }
            // Whoever may see the audit of that tenant sees it.
            context.tenant = known?.tenant
            if [401, 403].contains(error.status) { audit("refused", error.error.code, context) }
            throw error
        }
    }

    // MARK: Reading

    /// The words of a path, decoded.
    private static func words(of path: String) throws(HTTPFault) -> [String] {
        guard path.hasPrefix("/"), path.utf8.count <= 2_000 else {
            throw HTTPFault.bad("this server has no such path")
        }
        var words: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let word = PercentEncoding.decode(String(part)), isPlain(word) else {
                throw HTTPFault.bad("the path contains characters that no name here has")
            }
            words.append(word)
        }
        guard words == [""] || !words.contains("") else { throw HTTPFault.bad("a part of the path is empty") }
        return words
    }

    private static func isPlain(_ word: String) -> Bool {
        word != "." && word != ".."
            && word.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 && $0 != "/" && $0 != "\\" }
    }

    private static func route(
        _ method: String, _ words: [String]
    ) throws(HTTPFault) -> (Route, [String: String]) {
        let matches = patterns.compactMap { pattern in pattern.match(words).map { (pattern.route, $0) } }
        // A word that is written out goes before one that stands for anything.
        let best = matches.map { $0.1.count }.min()
        let near = matches.filter { $0.1.count == best }
        if near.isEmpty {
            throw HTTPFault(
                404,
                BatchError(.usage, "there is nothing at this path", hint: "see what can be called: GET /openapi.yaml"))
        }
        let wanted = method == "HEAD" ? "GET" : method
        if let match = near.first(where: { $0.0.method.rawValue == wanted }) { return match }
        let allowed = near.map(\.0.method.rawValue) + (near.contains { $0.0.method == .get } ? ["HEAD"] : [])
        throw HTTPFault(
            405,
            BatchError(
                .usage, "this path does not take that method",
                hint: "it takes \(allowed.joined(separator: ", "))"),
            headers: [("Allow", allowed.joined(separator: ", "))])
    }

    private func call(
        _ request: HTTPRequest, _ route: Route, _ values: [String: String], _ caller: APICaller, _ context: Context
    ) throws(HTTPFault) -> APICall {
        var checked: [String: String] = [:]
        for place in route.places { checked[place.name] = try place.value(values[place.name] ?? "") }
        let common = route.hasTenants ? [Parameter.database, .tenant] : []
        for (name, value) in request.query {
            guard let parameter = (route.query + common).first(where: { $0.name == name }) else {
                throw HTTPFault.bad("the query has a '\(name)' that this call does not know")
            }
            guard checked[name] == nil else { throw HTTPFault.bad("'\(name)' is given twice") }
            checked[name] = try parameter.value(value)
        }
        if let name = checked["database"], !workspace.databases.contains(where: { $0.name == name }) {
            throw HTTPFault(
                404,
                BatchError(
                    .unknownName, "the workspace has no database '\(name)'",
                    hint: "it has \(workspace.databases.map(\.name).joined(separator: ", "))"))
        }
        let assignments = try readBody(of: request, route, &checked)
        for parameter in route.query + route.body where parameter.isRequired && checked[parameter.name] == nil {
            throw HTTPFault.bad("'\(parameter.name)' is missing")
        }
        if let tenant = caller.tenant {
            guard checked["tenant"] ?? tenant == tenant else {
                var own = context
                own.tenant = tenant
                audit("refused", .otherTenant, own)
                throw HTTPFault(
                    403,
                    BatchError(.otherTenant, "this token is for another tenant", hint: "leave out 'tenant'"))
            }
            checked["tenant"] = tenant
        }
        return APICall(self, request, route, checked, assignments, caller, context)
    }

    private func readBody(
        of request: HTTPRequest, _ route: Route, _ checked: inout [String: String]
    ) throws(HTTPFault) -> [String] {
        if route.method == .get || request.body.isEmpty { return [] }
        let type = request.header("content-type")?.split(separator: ";").first?.lowercased() ?? ""
        guard type.filter({ $0 != " " }) == "application/json" else {
            throw HTTPFault(
                415,
                BatchError(.usage, "the body of a request is JSON", hint: "send it as Content-Type: application/json"))
        }
        guard let text = String(validating: request.body, as: UTF8.self),
            let members = (try? JSONParser.parse(text, refusingRepeats: true))?.members
        else { throw HTTPFault.bad("the body is not a JSON object, or has a key twice") }
        var assignments: [String] = []
        for member in members {
            guard let parameter = route.body.first(where: { $0.name == member.key }) else {
                throw HTTPFault.bad("the body has a '\(member.key.prefix(100))' that this call does not know")
            }
            if case .assignments = parameter.shape {
                for entry in member.value.members ?? [] { assignments.append(try API.assignment(entry)) }
                guard member.value.members != nil else { throw HTTPFault.bad("'\(member.key)' is an object") }
            } else {
                checked[member.key] = try parameter.value(member.value)
            }
        }
        return assignments
    }

    private static func assignment(_ entry: JSONValue.Member) throws(HTTPFault) -> String {
        switch entry.value {
        case .string(let text): return "\(entry.key)=\(text)"
        case .integer(let number): return "\(entry.key)=\(number)"
        case .number(let number): return "\(entry.key)=\(number)"
        case .bool(let flag): return "\(entry.key)=\(flag)"
        default: throw HTTPFault.bad("'\(entry.key)' is text, a number or a boolean")
        }
    }

    // MARK: Doing

    private func perform(_ call: APICall) throws(HTTPFault) -> HTTPResponse {
        do throws(BatchError) {
            let response = try call.context.traced(
                "\(call.route.method.rawValue) \(call.route.path)", kind: .server
            ) { () throws(BatchError) in
                try call.requireKnownNames()
                if call.route.isFollowedByAudit {
                    try call.context.store(of: workspace).isFollowedByAudit = true
                }
                return try call.route.perform(call)
            }
            if call.route.action != nil {
                try conclude(call, response.status < 400 ? nil : .usage, response.status)
            } else if call.caller.isSupport {
                // Who looks at a tenant on its behalf is seen by it.
                audit("looked", nil, call.context)
            }
            return response
        } catch {
            let fault = HTTPFault(error)
            if call.route.action != nil { try? conclude(call, error.code, fault.status) }
            if [401, 403].contains(fault.status), call.route.action == nil {
                audit("refused", error.code, call.context)
            }
            throw fault
        }
    }

    /// The row that the verb has at the command line, and one that says over which way it came.
    /// - Throws: when what was done may not outlive a power cut.
    private func conclude(_ call: APICall, _ code: ErrorCode?, _ status: Int) throws(BatchError) {
        let outcome = status < 400 ? (call.flag("dry_run") ? "dry run" : "done") : status < 500 ? "refused" : "failed"
        let ending = AuditTrail.Ending(
            batch: call.value("id").flatMap { BatchID($0) }?.description, outcome: outcome, code: code,
            exitCode: code?.exitCode ?? .done, sparesDatabase: call.isAboutWorkspace || call.flag("dry_run"))
        let trail = AuditTrail(call.workspace, context: call.context)
        guard ending.sparesDatabase else {
            try? trail.conclude(ending)
            return audit(outcome, code, call.context)
        }
        do throws(BatchError) {
            try trail.conclude(ending, overHTTP: outcome, signer)
        } catch {
            noteLost(error, call.context)
            if call.route.isFollowedByAudit { try call.context.store(of: workspace).makeDurable() }
        }
    }

    func audit(_ outcome: String, _ code: ErrorCode?, _ context: Context) {
        var told = context
        told.action = "http"
        do throws(BatchError) {
            try AuditTrail(workspace, context: told).conclude(
                .init(
                    batch: nil, outcome: outcome, code: code, exitCode: code?.exitCode ?? .done, sparesDatabase: true))
        } catch { noteLost(error, context) }
    }

    private func noteLost(_ error: BatchError, _ context: Context) {
        context.log.write(
            .error, "audit.lost", "a request could not be written into the audit", module: .audit, error: error)
    }
}
