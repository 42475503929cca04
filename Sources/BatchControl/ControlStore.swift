public import BatchCore

/// What processes share beside the databases. A second kind of store (a server database, for several machines) can stand
/// beside `ControlFile` behind this: every operation is one whole transaction, and nothing of SQLite is in it.
public protocol ControlStore: SwitchStore, KeyStore, PatchPlanStore, WorkspaceStore, AuditStore, QueueStore,
    ServiceStore, ScheduleStore, TokenStore, SettingStore, SignalStore, HealingStore, CounterStore,
    SupportStore, NoticeStore
{}

public protocol WorkspaceStore: AnyObject {
    /// A random name of the workspace, kept as long as the store.
    func workspaceID() throws(BatchError) -> String

    /// How a database file looked from outside after our last write.
    func fingerprint(of database: String) throws(BatchError) -> String?
    func setFingerprint(_ fingerprint: String?, of database: String) throws(BatchError)
}

/// The audit of what no ledger can hold.
public protocol AuditStore: AnyObject {
    /// Appends a row, durably.
    func append(_ act: ControlAct, details: JSONValue) throws(BatchError)

    /// Appends rows in one transaction, durably, with all that was written before.
    func append(_ rows: [(act: ControlAct, details: JSONValue)]) throws(BatchError)

    /// Whoever sets it appends rows of the audit next, and with them makes durable what is written until then: one wait
    /// for the disk instead of two. `append` and `makeDurable` take it back.
    var isFollowedByAudit: Bool { get set }

    /// For who could append no row.
    func makeDurable() throws(BatchError)

    /// Which command wrote a row; nil when there is no such row.
    func auditOrigin(of seq: Int64) throws(BatchError) -> (traceID: String, action: String)?
}

/// Something that somebody does to a store, and the row of the audit about it: neither is there without the other.
public struct ControlAct {
    public var actor: String
    public let at: Timestamp
    /// Makes the row.
    public let entry: (_ actor: String, _ details: JSONValue) -> AuditEntry
    /// Makes the row that a new chain begins with.
    public let first: () -> AuditEntry
    /// Called with the row when it is permanent.
    public let done: (_ store: String, _ seq: Int64, AuditEntry) -> Void

    public init(
        actor: String, at: Timestamp, entry: @escaping (String, JSONValue) -> AuditEntry,
        first: @escaping () -> AuditEntry, done: @escaping (String, Int64, AuditEntry) -> Void
    ) {
        self.actor = actor
        self.at = at
        self.entry = entry
        self.first = first
        self.done = done
    }
}

/// Keys that are trusted, and requests that were used.
public protocol KeyStore: AnyObject {
    /// Keys whose signature counts, or did.
    func trustedKeys() throws(BatchError) -> [TrustedKey]

    /// Lets a key count, with a row in the audit.
    /// - Throws: `ERR_UX_WRONG_STATE` when the name or the key is known already.
    func trust(_ key: TrustedKey, _ act: ControlAct) throws(BatchError)

    /// Lets a key count no longer, with a row in the audit.
    /// - Throws: `ERR_UX_UNKNOWN_NAME` when no key of that name counts.
    func revoke(_ name: String, reason: String, _ act: ControlAct) throws(BatchError) -> TrustedKey

    /// The latest first.
    func usedRequests(limit: Int) throws(BatchError) -> [UsedRequest]

    /// Uses a request up, durably and with a row in the audit; a request to switch is done in the same moment.
    /// - Returns: the key it was signed with, and for a switch its value before.
    /// - Throws: `ERR_SECURITY_UNTRUSTED_KEY`, `ERR_SECURITY_ROLE`, `ERR_SECURITY_REQUEST_USED`.
    func claim(
        _ request: OpsRequest, _ act: ControlAct, setting: (TrustedKey) -> SwitchState?
    ) throws(BatchError) -> (signer: TrustedKey, old: SwitchValue?)

    func noteOutcome(_ outcome: String, of nonce: String) throws(BatchError)
}

/// The switches of a workspace, and who set what when.
public protocol SwitchStore: AnyObject {
    /// What somebody has switched. Cheap enough for every checkpoint.
    func switches() throws(BatchError) -> SwitchBoard

    /// Sets a switch, with its row in the audit.
    /// - Returns: the value before.
    func set(_ state: SwitchState, _ act: ControlAct) throws(BatchError) -> SwitchValue

    /// Sets modules back that can be done without, and remembers what each was; one that is held back so already stays.
    /// - Returns: those that changed, with their value before.
    func degrade(_ states: [SwitchState], _ act: ControlAct) throws(BatchError) -> [SwitchChange]

    /// Gives modules back exactly what they were. One that somebody has set anew since stays as it is.
    /// - Parameter modules: nil for all.
    func endDegradation(of modules: [String]?, _ act: ControlAct) throws(BatchError) -> [SwitchChange]

    /// Every setting there was, the latest first; `holds` is true of the last of each switch.
    func switchHistory() throws(BatchError) -> [SwitchListReport.Entry]
}

/// One row of `plans` in `control.db`: where a plan lies and what was decided about it.
public struct PatchPlanRecord: Hashable, Sendable {
    public let id: PatchPlanID
    /// The name that the database keeps for life.
    public let database: String
    public let job: String
    public let tenant: String?
    public let author: String
    /// UTC, ISO 8601.
    public let createdAt: String
    public let expiresAt: String
    /// Name in the folder of reports.
    public let file: String
    public let sha256: String
    /// Ed25519 over the columns above, by the key of the workspace.
    public let seal: String
    public var status: PatchPlanStatus = .proposed
    /// Who approved or rejected it, under which name, and who typed it.
    public var decidedBy: String?
    public var typedBy: String?
    public var decidedAt: String?
    /// Ed25519 over the plan and the decision; nil unless approved.
    public var approval: String?
    /// Why it was rejected, or why its batch failed.
    public var reason: String?
    public var batch: String?

    public init(
        id: PatchPlanID, database: String, job: String, tenant: String?, author: String, createdAt: String,
        expiresAt: String, file: String, sha256: String, seal: String
    ) {
        self.id = id
        self.database = database
        self.job = job
        self.tenant = tenant
        self.author = author
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.file = file
        self.sha256 = sha256
        self.seal = seal
    }
}

/// Patch plans as processes share them. A second kind of store can stand beside `ControlFile` behind this.
public protocol PatchPlanStore: AnyObject {
    /// Keeps a new plan under the next number.
    /// - Parameter make: writes the file of the plan of this number, which must be kept by no earlier plan.
    func addPlan(_ make: (PatchPlanID) throws(BatchError) -> PatchPlanRecord) throws(BatchError) -> PatchPlanRecord

    /// In the order of their numbers.
    func plans() throws(BatchError) -> [PatchPlanRecord]
    func plan(_ id: PatchPlanID) throws(BatchError) -> PatchPlanRecord?
    /// Rejects those that nobody has approved in their time, each with a row in the audit.
    /// - Returns: those that were rejected now.
    func rejectExpiredPlans(
        at now: Timestamp, _ act: (PatchPlanRecord) -> ControlAct
    ) throws(BatchError) -> [PatchPlanRecord]

    /// Writes what changed of a plan, when its status is still one of these; of two at once, one finds it so.
    /// - Parameter note: notes elsewhere what happens; when it cannot, it does not happen.
    func movePlan(
        _ record: PatchPlanRecord, from: Set<PatchPlanStatus>, noting note: () throws(BatchError) -> Void
    ) throws(BatchError) -> Bool
}

/// Tokens by which people are known over HTTP.
public protocol TokenStore: AnyObject {
    /// By name, also those that count no longer.
    func accessTokens() throws(BatchError) -> [AccessToken]

    /// Lets a token count, with a row in the audit.
    /// - Throws: `ERR_UX_WRONG_STATE` when there was one of that name.
    func add(_ token: AccessToken, _ act: ControlAct) throws(BatchError)

    /// Lets a token count no longer, with a row in the audit.
    /// - Throws: `ERR_UX_UNKNOWN_NAME` when no token of that name counts.
    func revokeToken(_ name: String, reason: String, _ act: ControlAct) throws(BatchError) -> AccessToken
}

/// Settings that were changed while a service runs.
public protocol SettingStore: AnyObject {
    func settings() throws(BatchError) -> [String: String]

    /// Sets all of them, with one row in the audit.
    func set(_ settings: [(name: String, value: String)], _ act: ControlAct) throws(BatchError)
}
