public import BatchCore

/// Which incidents are meant. Nil: any.
public struct IncidentFilter: Hashable, Sendable {
    public var status: Incident.Status?
    public var tenant: String?
    /// What opened it.
    public var cause: String?
    /// Leave out those that are closed.
    public var isOpen: Bool
    /// So many of the latest are left out.
    public var offset: Int
    /// At most so many.
    public var limit: Int?

    public init(
        status: Incident.Status? = nil, tenant: String? = nil, cause: String? = nil, isOpen: Bool = false,
        offset: Int = 0, limit: Int? = nil
    ) {
        self.status = status
        self.tenant = tenant
        self.cause = cause
        self.isOpen = isOpen
        self.offset = offset
        self.limit = limit
    }
}

/// Incidents, circuits and releases of a workspace.
public protocol HealingStore: AnyObject {
    /// Keeps an incident under the next number, with its row in the audit. While one of the same cause is not closed,
    /// that one only learns that it happened again.
    /// - Returns: the incident as it is kept, and whether it is new.
    func open(_ incident: Incident, _ act: ControlAct) throws(BatchError) -> (incident: Incident, isNew: Bool)

    /// The latest first.
    func incidents(_ filter: IncidentFilter) throws(BatchError) -> [Incident]
    /// How many there are, whatever its limit.
    func incidentCount(_ filter: IncidentFilter) throws(BatchError) -> Int
    func incident(_ number: Int64) throws(BatchError) -> Incident?

    /// Changes an incident, with its row in the audit.
    /// - Parameter body: refuses by throwing; nothing is changed then.
    func change(
        _ number: Int64, _ act: ControlAct, _ body: (inout Incident) throws(BatchError) -> Void
    ) throws(BatchError) -> Incident

    func circuits() throws(BatchError) -> [Circuit]

    /// Changes a circuit, or makes it; no other process comes in between.
    func circuit<Result>(
        _ name: String, at now: Timestamp, _ body: (inout Circuit) -> Result
    ) throws(BatchError) -> Result

    /// Keeps a release with the content of its files, with its row in the audit.
    /// - Throws: `ERR_UX_WRONG_STATE` when there is one of that name.
    func add(_ release: Release, files: [(path: String, content: [UInt8])], _ act: ControlAct) throws(BatchError)

    /// The latest first.
    func releases() throws(BatchError) -> [Release]
    func files(of release: String) throws(BatchError) -> [(path: String, content: [UInt8])]

    /// Says that a release works, with its row in the audit.
    func validate(_ release: String, _ act: ControlAct) throws(BatchError)
}
