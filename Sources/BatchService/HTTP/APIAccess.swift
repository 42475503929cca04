internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchSystem
internal import Synchronization

/// Who makes a request.
struct APICaller: Sendable {
    /// The actor of what is done.
    let person: String
    /// Of the token; nil without one.
    let token: String?
    let roles: [Role]
    /// The only tenant that may be shown and touched; nil for all.
    let tenant: String?
    /// It acts on behalf of its tenant.
    var isSupport = false
    /// When the token ends.
    var expiresAt: Timestamp?

    static let anybody = APICaller(person: "anonymous", token: nil, roles: [.viewer], tenant: nil)

    func has(_ role: Role) -> Bool { roles.contains { $0.includes(role) } }
}

/// Tells who makes a request, whether they may, and whether they ask too often.
struct APIAccess: Sendable {
    private let workspace: Workspace
    private let sessions: BrowserSessions
    private let proxies: [IPNetwork]
    private let requests: RateLimit
    /// Wrong tokens, from one address.
    private let failures = RateLimit(perMinute: 10)

    init(_ workspace: Workspace, _ sessions: BrowserSessions) throws(BatchError) {
        self.workspace = workspace
        self.sessions = sessions
        var proxies: [IPNetwork] = []
        for text in workspace.http.proxies {
            guard let network = IPNetwork(text) else {
                throw BatchError(
                    .invalidConfiguration, "http.proxies: '\(text)' is neither an address nor a network",
                    hint: "write it as 10.1.2.3 or 10.0.0.0/8")
            }
            proxies.append(network)
        }
        self.proxies = proxies
        requests = RateLimit(perMinute: workspace.http.rate)
    }

    /// The address that asks: behind a proxy of ours the last one that is none.
    func client(of request: HTTPRequest) -> IPAddress {
        func isOurs(_ address: IPAddress) -> Bool { proxies.contains { $0.contains(address) } }
        var client = request.peer
        guard isOurs(client) else { return client }
        let told = request.headers.filter { $0.name == "x-forwarded-for" }
            .flatMap { $0.value.split(separator: ",", omittingEmptySubsequences: false) }
        for text in told.reversed() {
            guard let address = IPAddress(text.trimmed) else { break }
            client = address
            if !isOurs(address) { break }
        }
        return client
    }

    // MARK: Who

    /// - Throws: 401 and 429.
    func caller(
        _ request: HTTPRequest, _ client: IPAddress, _ route: Route, _ context: Context
    ) throws(HTTPFault) -> APICaller {
        if case .anybody = route.access { return (try? signedIn(request, context)) ?? .anybody }
        if let secret = try secret(of: request) { return try caller(secret, client, context) }
        if let caller = try signedIn(request, context) { return caller }
        return try withoutToken(request, client, route, context)
    }

    /// Who has signed in with the browser that asks.
    private func signedIn(_ request: HTTPRequest, _ context: Context) throws(HTTPFault) -> APICaller? {
        guard let secret = try sessions.token(of: request) else { return nil }
        do throws(BatchError) {
            return caller(try AccessTokens(workspace, context: context).token(secret))
        } catch {
            // It was revoked, or is over: the page asks for another one.
            sessions.end(request)
            throw error.code == .token ? APIAccess.unknown(error) : HTTPFault(error)
        }
    }

    private func caller(_ token: AccessToken) -> APICaller {
        try? requests.take(Array(token.name.utf8))
        return APICaller(
            person: token.person, token: token.name, roles: [token.role], tenant: token.tenant,
            isSupport: token.isOfSupport, expiresAt: token.expiresAt)
    }

    private func caller(_ secret: String, _ client: IPAddress, _ context: Context) throws(HTTPFault) -> APICaller {
        try requireRate(of: client.network, isFailure: true, isAttempt: false)
        do throws(BatchError) {
            return caller(try AccessTokens(workspace, context: context).token(secret))
        } catch {
            guard error.code == .token else { throw HTTPFault(error) }
            try requireRate(of: client.network, isFailure: true)
            throw APIAccess.unknown(error)
        }
    }

    /// Signing in, with the same limit for wrong tokens.
    /// - Throws: 401 and 429.
    func signIn(_ secret: String, _ request: HTTPRequest, _ context: Context) throws(HTTPFault) -> APICaller {
        try caller(secret, client(of: request), context)
    }

    private func secret(of request: HTTPRequest) throws(HTTPFault) -> String? {
        let bearer = request.headers.filter { $0.name == "authorization" }.map { header -> String in
            let parts = header.value.split(separator: " ", maxSplits: 1)
            return parts.count == 2 && parts[0].lowercased() == "bearer" ? parts[1].trimmed : ""
        }
        let given = bearer + request.headers.filter { $0.name == "x-api-key" }.map(\.value.trimmed)
        guard given.count <= 1 else {
            throw APIAccess.unknown(
                BatchError(.token, "more than one token is given", hint: "send one: Authorization: Bearer TOKEN"))
        }
        return given.first
    }

    private func withoutToken(
        _ request: HTTPRequest, _ client: IPAddress, _ route: Route, _ context: Context
    ) throws(HTTPFault) -> APICaller {
        if isLocal(request, client) {
            if workspace.http.trustsLoopback {
                let roles = workspace.governing?.roles.map { $0.roles(of: context.actor) } ?? [.admin]
                return APICaller(person: context.actor, token: nil, roles: roles, tenant: nil)
            }
            if case .open = route.access, workspace.http.isPublic, route.method == .get {
                return APICaller(person: "anonymous", token: nil, roles: [.viewer], tenant: nil)
            }
        }
        throw APIAccess.unknown(
            BatchError(
                .token, "this call needs a token",
                hint:
                    "send it as Authorization: Bearer TOKEN; an admin makes one: \(command: "token create --name NAME --role ROLE")"
            ))
    }

    /// Somebody on this machine, and no page of a browser that was sent here by a stranger's site.
    private func isLocal(_ request: HTTPRequest, _ client: IPAddress) -> Bool {
        guard client.isLoopback, !request.hasHeader("origin"), let host = request.header("host") else { return false }
        // A proxy that nobody has told us of speaks for the whole world.
        let isForwarded = request.hasHeader("x-forwarded-for") || request.hasHeader("forwarded")
        if isForwarded, !proxies.contains(where: { $0.contains(request.peer) }) { return false }
        // A name that leads here today may be a stranger's.
        let name =
            host.hasPrefix("[") ? host.dropFirst().prefix { $0 != "]" } : host.prefix { $0 != ":" }
        return name.lowercased() == "localhost" || IPAddress(String(name))?.isLoopback ?? false
    }

    private static func unknown(_ error: BatchError) -> HTTPFault {
        HTTPFault(401, error, headers: [("WWW-Authenticate", "Bearer realm=\"batchmgr\"")])
    }

    // MARK: May

    /// - Throws: 403.
    func require(_ route: Route, of caller: APICaller) throws(HTTPFault) {
        if case .anybody = route.access { return }
        guard caller.has(route.access.role) else {
            throw HTTPFault(
                403,
                BatchError(
                    .role, "this call needs the role \(route.access.role.rawValue)",
                    hint: "ask somebody who has it, or an admin for another token"))
        }
        guard caller.tenant == nil || route.hasTenants else {
            throw HTTPFault(
                403,
                BatchError(
                    .otherTenant, "this call is about the whole workspace, and the token is for one tenant",
                    hint: "use a token without a tenant"))
        }
    }

    // MARK: How often

    /// - Parameter isAttempt: counts; else it is only looked whether there is room.
    /// - Throws: 429.
    func requireRate(of network: [UInt8], isFailure: Bool, isAttempt: Bool = true) throws(HTTPFault) {
        let limit = isFailure ? failures : requests
        do throws(RateLimit.Exceeded) {
            try isAttempt ? limit.take(network) : limit.look(network)
        } catch {
            throw HTTPFault(
                429,
                BatchError(
                    .rateLimit, isFailure ? "too many wrong tokens from this address" : "too many requests",
                    hint: "wait \(error.seconds) s; see http.rate in batchmgr.yaml"),
                headers: [("Retry-After", "\(error.seconds)")])
        }
    }
}

/// So many a minute for each key, and as many at once.
private final class RateLimit: Sendable {
    struct Exceeded: Error {
        let seconds: Int64
    }

    private struct Bucket {
        var tokens: Double
        var at: Int64
    }

    private let perMinute: Double
    private let buckets = Mutex<[[UInt8]: Bucket]>([:])
    /// Whoever asks from more addresses than this begins anew.
    private static let mostKeys = 10_000

    init(perMinute: Int) { self.perMinute = Double(perMinute) }

    func take(_ key: [UInt8]) throws(Exceeded) { try use(key, 1) }
    func look(_ key: [UInt8]) throws(Exceeded) { try use(key, 0) }

    private func use(_ key: [UInt8], _ count: Double) throws(Exceeded) {
        let now = SteadyClock.now()
        let missing = buckets.withLock { buckets -> Double in
            if buckets.count >= RateLimit.mostKeys, buckets[key] == nil { buckets.removeAll() }
            var bucket = buckets[key] ?? Bucket(tokens: perMinute, at: now)
            bucket.tokens = min(perMinute, bucket.tokens + Double(now - bucket.at) * perMinute / 60_000)
            bucket.at = now
            let missing = max(0, 1 - bucket.tokens)
            if missing == 0 { bucket.tokens -= count }
            buckets[key] = bucket
            return missing
        }
        if missing > 0 { throw Exceeded(seconds: max(1, Int64((missing * 60 / perMinute).rounded(.up)))) }
    }
}

extension StringProtocol {
    /// Without spaces at both ends.
    fileprivate var trimmed: String {
        var rest = self[...]
        while rest.first == " " || rest.first == "\t" { rest = rest.dropFirst() }
        while rest.last == " " || rest.last == "\t" { rest = rest.dropLast() }
        return String(rest)
    }
}
