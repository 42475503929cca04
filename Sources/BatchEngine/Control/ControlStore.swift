public import BatchCore

/// What processes share beside the databases: leases, wishes to stop, and how a database file looked last.
///
/// A second kind of store (a server database, for several machines) can stand beside `ControlFile` behind this.
public protocol ControlStore: AnyObject {
    /// Takes the lease on a database, or takes it over from a dead owner.
    /// - Throws: `ERR_PERF_BUSY` naming the live owner.
    func acquire(_ database: String, for work: String, owner: LeaseOwner, at time: Timestamp) throws(BatchError)
        -> Int64

    /// Says that the owner is alive. False when somebody else has the lease.
    func beat(_ database: String, epoch: Int64, at time: Timestamp) throws(BatchError) -> Bool

    func release(_ database: String, epoch: Int64) throws(BatchError)

    /// The owner of the lease, dead or alive; nil when nobody has it.
    func holder(of database: String) throws(BatchError) -> LeaseHolder?

    /// Asks the owner of the lease to stop at the next checkpoint.
    func requestStop(_ database: String) throws(BatchError)
    func isStopRequested(_ database: String, epoch: Int64) throws(BatchError) -> Bool

    func fingerprint(of database: String) throws(BatchError) -> String?
    func setFingerprint(_ fingerprint: String?, of database: String) throws(BatchError)

    /// A random name of the workspace, kept as long as the store.
    func workspaceID() throws(BatchError) -> String

    /// What somebody has switched. Cheap enough for every checkpoint.
    func switches() throws(BatchError) -> SwitchBoard

    /// Sets a switch, with its row in the audit.
    /// - Returns: the value before.
    func set(_ state: SwitchState, context: Context) throws(BatchError) -> SwitchValue

    /// Every setting there was, the latest first; `holds` is true of the last of each switch.
    func switchHistory() throws(BatchError) -> [SwitchListReport.Entry]

    /// Keys whose signature counts, or did.
    func trustedKeys() throws(BatchError) -> [TrustedKey]

    /// Lets a key count, with a row in the audit.
    /// - Throws: `ERR_UX_WRONG_STATE` when the name or the key is known already.
    func trust(_ key: TrustedKey, context: Context) throws(BatchError)

    /// Lets a key count no longer, with a row in the audit.
    /// - Throws: `ERR_UX_USAGE` when no key of that name counts.
    func revoke(_ name: String, reason: String, context: Context) throws(BatchError) -> TrustedKey

    /// The latest first.
    func usedRequests(limit: Int) throws(BatchError) -> [UsedRequest]

    /// Uses a request up, durably and with a row in the audit; a request to switch is done in the same moment.
    /// - Returns: the key it was signed with, and for a switch its value before.
    /// - Throws: `ERR_SECURITY_UNTRUSTED_KEY`, `ERR_SECURITY_ROLE`, `ERR_SECURITY_REQUEST_USED`.
    func claim(
        _ request: OpsRequest, context: Context, setting: (TrustedKey) -> SwitchState?
    ) throws(BatchError) -> (signer: TrustedKey, old: SwitchValue?)

    func noteOutcome(_ outcome: String, of nonce: String) throws(BatchError)
}
