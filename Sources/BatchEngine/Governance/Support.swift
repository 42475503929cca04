public import BatchCatalog
internal import BatchControl
public import BatchCore

/// Sessions of support: `support open`, `support list`, `support approve`, `support end`.
public struct Support {
    private let workspace: Workspace
    private let context: Context
    private let store: any ControlStore

    public init(_ workspace: Workspace, context: Context) throws(BatchError) {
        self.workspace = workspace
        self.context = context
        store = try context.control(in: workspace.backups)
    }

    /// - Returns: with the token of the session, which is shown this once.
    /// - Throws: `ERR_SECURITY_ROLE` on behalf of a tenant: one session does not lead to the next.
    public func open(_ request: SupportRequest) throws(BatchError) -> SupportReport {
        try requireOwnName()
        guard TenantID.isValid(request.tenant) else {
            throw BatchError(
                .usage, "that is not a valid name for a tenant", hint: "a tenant is named by \(TenantID.rule)")
        }
        guard workspace.databases.contains(where: { $0.tenancy != .none }) else {
            throw BatchError(
                .usage, "no database of this workspace has tenants",
                hint: "look without a session: \(command: "list")")
        }
        let (secret, hash) = AccessTokens.secret(context)
        let session = try store.openSupport(
            request, person: context.actor, hash: hash, act("support open", of: request.tenant))
        return SupportReport(session: session, at: context.now(), secret: secret)
    }

    public func list() throws(BatchError) -> SupportListReport {
        SupportListReport(sessions: try store.supportSessions(), at: context.now())
    }

    /// Lets a session change things that asked for it.
    /// - Throws: `ERR_SECURITY_SELF_APPROVAL` for the person who opened it; `ERR_UX_WRONG_STATE`, `ERR_UX_USAGE`.
    public func approve(_ number: Int64) throws(BatchError) -> SupportReport {
        try requireOwnName()
        let session = try store.changeSupport(number, act("support approve", of: try tenant(of: number))) {
            (session) throws(BatchError) in
            guard !PersonName.isSame(session.person, context.actor) else {
                throw BatchError(
                    .selfApproval, "\(session.person) opened \(session.name) and cannot approve it",
                    hint: "let somebody else approve it: \(command: "support approve \(session.name)")")
            }
            guard session.wantsWrite, session.approvedBy == nil else {
                throw BatchError(
                    .wrongState, "\(session.name) does not wait for approval",
                    hint: "see them: \(command: "support list")")
            }
            session.approvedBy = context.actor
        }
        return SupportReport(session: session, at: context.now())
    }

    public func end(_ number: Int64) throws(BatchError) -> SupportReport {
        try requireOwnName()
        let now = context.now()
        let session = try store.changeSupport(number, act("support end", of: try tenant(of: number))) { session in
            session.endedBy = context.actor
            session.endedAt = now
        }
        return SupportReport(session: session, at: now)
    }

    private func requireOwnName() throws(BatchError) {
        guard let tenant = context.onBehalfOf else { return }
        throw BatchError(
            .role, "a support session for \(tenant) cannot open, approve or end sessions",
            hint: "use your own token")
    }

    private func tenant(of number: Int64) throws(BatchError) -> String? {
        try store.supportSessions().first { $0.number == number }?.tenant
    }

    /// The row is one of the tenant: who may see its audit sees it.
    private func act(_ action: String, of tenant: String?) -> ControlAct {
        var own = context
        own.tenant = tenant
        return own.act(context.action(or: action))
    }
}
