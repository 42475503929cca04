public import BatchCore

/// What processes share beside the databases. A second kind of store (a server database, for several machines) can stand
/// beside `ControlFile` behind this: every operation is one whole transaction, and nothing of SQLite is in it.
public protocol ControlStore: SwitchStore, KeyStore, PatchPlanStore, WorkspaceStore, AuditStore, QueueStore,
    ServiceStore, ScheduleStore
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
