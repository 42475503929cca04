public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchHistory

/// The tokens of a workspace: `token create`, `token list`, `token revoke`.
public struct AccessTokens {
    private let workspace: Workspace
    private let context: Context
    private let store: any ControlStore

    /// What every token begins with, so that people and programs that look for leaked secrets know it.
    public static let prefix = "bmt_"

    public init(_ workspace: Workspace, context: Context) throws(BatchError) {
        self.workspace = workspace
        self.context = context
        store = try context.control(in: workspace.backups)
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when there was one of that name; `ERR_SECURITY_ROLE`.
    public func create(_ request: TokenRequest) throws(BatchError) -> TokenReport {
        try workspace.requireOwner("can make tokens")
        if let tenant = request.tenant, !TenantID.isValid(tenant) {
            throw BatchError(
                .usage, "that is not a valid name for a tenant", hint: "a tenant is named by \(TenantID.rule)")
        }
        let (secret, hash) = AccessTokens.secret(context)
        let now = context.now()
        let token = AccessToken(
            name: request.name, person: request.person, role: request.role, tenant: request.tenant,
            hash: hash, createdBy: context.actor, createdAt: now,
            expiresAt: request.life.map { Timestamp(milliseconds: now.milliseconds + $0.wholeMilliseconds) })
        try store.add(token, context.act(context.action(or: "token create")))
        return TokenReport(token: token, secret: secret)
    }

    public func list() throws(BatchError) -> TokenListReport {
        TokenListReport(tokens: try store.accessTokens(), now: context.now())
    }

    /// - Throws: `ERR_UX_UNKNOWN_NAME` when no token of that name counts; `ERR_SECURITY_ROLE`.
    public func revoke(_ name: String, reason: String) throws(BatchError) -> TokenReport {
        try workspace.requireOwner("can revoke tokens")
        return TokenReport(
            token: try store.revokeToken(name, reason: reason, context.act(context.action(or: "token revoke"))))
    }

    /// The token that this is, when it counts.
    /// - Throws: `ERR_SECURITY_TOKEN`, without a word about which part of it is wrong.
    public func token(_ secret: String) throws(BatchError) -> AccessToken {
        let (hash, now) = (AccessTokens.hash(secret), context.now())
        var found: AccessToken?
        // All of them are looked at, so that the time tells nothing.
        for token in try store.accessTokens() where token.has(hash: hash) { found = token }
        let isIsolated = try found?.tenant.map { (tenant) throws(BatchError) in
            try store.switches().value(of: .tenant(tenant), at: now) == .isolated
        }
        guard let found, found.counts(at: now), isIsolated != true else {
            throw BatchError(
                .token, "this token is not valid here",
                hint: "ask an admin for one: \(command: "token create --name NAME --role ROLE")")
        }
        return found
    }

    /// 256 random bits: there is nothing to guess, so that a plain hash keeps them.
    static func secret(_ context: Context) -> (secret: String, hash: String) {
        let secret = prefix + context.randomID() + context.randomID()
        return (secret, hash(secret))
    }

    private static func hash(_ secret: String) -> String {
        let hash = SHA256()
        Array(secret.utf8).withUnsafeBytes { hash.update($0) }
        return Hex.string(hash.finish())
    }
}
