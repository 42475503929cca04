internal import BatchCatalog
public import BatchControl
public import BatchCore
public import BatchEngine

/// The incidents of a workspace: noticed, looked after, closed.
public struct Incidents {
    let session: Session
    private let store: any HealingStore
    /// The tenant whose incidents alone are shown and changed; nil for all.
    private let tenant: String?
    /// What changed so long before is a clue.
    private static let before: Int64 = 86_400_000
    /// So many clues are kept, of the last batches that may be one.
    private static let clues = 20
    private static let batches = 500

    /// - Parameter tenant: whose incidents alone are shown and changed, also where each tenant has a file of its own.
    public init(_ session: Session, tenant: String? = nil) throws(BatchError) {
        self.session = session
        self.tenant = session.owner ?? tenant
        store = try session.context.store(of: session.workspace)
    }

    private var context: Context { session.context }

    // MARK: Noticed

    /// A new incident, or another event of the one that is open for the same cause.
    /// - Parameter actions: what can be done, in order.
    @discardableResult
    public func open(
        _ faults: ErrorClass, _ severity: ContractDefinition.Severity, _ title: String, cause: String,
        tenant: String? = nil, module: String? = nil, batches: [String] = [], actions: [Incident.Action] = []
    ) throws(BatchError) -> Incident {
        let now = context.now()
        var incident = Incident(
            faults: faults, severity: severity, title: title, tenant: tenant, module: module, cause: cause,
            traceID: context.traceID, openedAt: now)
        incident.timeline = [.init(at: now, actor: context.actor, text: title)]
        incident.actions = actions
        incident.clues = try clues(before: now)
        incident.reach = try reach(of: incident, batches)
        let (kept, isNew) = try store.open(incident, context.act(on: "incident open"))
        if isNew { _ = session.deliver(.incident, ["incident": kept.json]) }
        return shown([kept])[0]
    }

    /// What changed shortly before: the latest first.
    private func clues(before now: Timestamp) throws(BatchError) -> [Incident.Clue] {
        let since = now.milliseconds - Incidents.before
        func isNear(_ time: Timestamp) -> Bool { (since...now.milliseconds).contains(time.milliseconds) }
        var recent = ListRequest(limit: Incidents.batches)
        recent.withShared = true
        var clues = try session.list(recent).batches.compactMap {
            batch -> Incident.Clue? in
            // What failed and kept nothing has changed nothing.
            let isFutile = batch.status == .failed && batch.rows.total == 0 && !batch.hasSchemaChange
            guard let at = batch.finishedAt, isNear(at), !isFutile else { return nil }
            return Incident.Clue(
                kind: .batch, subject: batch.batch.description, at: at,
                text: "\(batch.status.rawValue), \(Counted.text(batch.rows.total, "row"))"
                    + (batch.hasSchemaChange ? ", schema changed" : ""))
        }
        let control = try context.store(of: session.workspace)
        clues += try control.switchHistory().filter { isNear($0.state.setAt) }.map {
            Incident.Clue(
                kind: .switch, subject: $0.state.name.description, at: $0.state.setAt,
                text: "\($0.old?.rawValue ?? "?") became \($0.state.value.rawValue), by \($0.state.actor)")
        }
        clues += try store.releases().filter { isNear($0.at) }.map {
            Incident.Clue(kind: .release, subject: $0.name, at: $0.at, text: "recorded")
        }
        return Array(clues.sorted { $0.at > $1.at }.prefix(Incidents.clues))
    }

    private func reach(of incident: Incident, _ batches: [String]) throws(BatchError) -> Incident.Reach {
        var (tenants, modules) = (Set([incident.tenant].compactMap(\.self)), Set([incident.module].compactMap(\.self)))
        let jobs = (try? session.workspace.loadCatalog(context.steps.rules()).jobs) ?? []
        let declared = try? ModuleList.load(folder: session.workspace.catalog)
        for name in Set(batches) {
            guard let batch = try? session.show(BatchReference(name)) else { continue }
            if let tenant = batch.summary.tenant { tenants.insert(tenant) }
            guard let job = jobs.first(where: { $0.id == batch.summary.batch.job }) else { continue }
            modules.formUnion(declared?.modules(of: job) ?? [])
        }
        return .init(tenants: tenants.sorted(), modules: modules.sorted(), batches: Set(batches).sorted())
    }

    // MARK: Looked after

    /// Those of the tenant for whom the session was opened, or all.
    public func list(_ filter: IncidentFilter) throws(BatchError) -> IncidentReport {
        var filter = filter
        filter.tenant = tenant ?? filter.tenant
        return IncidentReport(
            incidents: shown(try store.incidents(filter)), total: try store.incidentCount(filter))
    }

    /// - Throws: `ERR_UX_UNKNOWN_NAME` when there is none of that name, or it is another tenant's.
    public func incident(_ name: String) throws(BatchError) -> Incident {
        if let number = Incident.number(name), let incident = try store.incident(number),
            tenant == nil || incident.tenant == tenant
        {
            return shown([incident])[0]
        }
        throw BatchError(.unknownName, "there is no incident '\(name)'", hint: "see them: \(command: "incident list")")
    }

    /// What a tenant may see of its incidents: no batch of another one, and no switch, which may name others.
    private func shown(_ incidents: [Incident]) -> [Incident] {
        guard let tenant else { return incidents }
        var owners: [String: String?] = [:]
        func isOwn(_ batch: String) -> Bool {
            if let owner = owners[batch] { return owner == tenant }
            let owner = (try? BatchReference(batch)).flatMap { try? session.show($0) }?.summary.tenant
            owners[batch] = owner
            return owner == tenant
        }
        return incidents.map { incident in
            var shown = incident
            shown.clues = incident.clues.filter { clue in
                switch clue.kind {
                case .batch: isOwn(clue.subject)
                case .release: true
                case .switch: false
                }
            }
            shown.reach.tenants = incident.reach.tenants.filter { $0 == tenant }
            shown.reach.batches = incident.reach.batches.filter(isOwn)
            let foreign = Set(incident.reach.batches).subtracting(shown.reach.batches)
            shown.actions = incident.actions.filter { action in
                !(action.command ?? "").split(separator: " ").contains { foreign.contains(String($0)) }
            }
            return shown
        }
    }

    public func acknowledge(_ name: String, reason: String?) throws(BatchError) -> Incident {
        try change(name, "incident ack", reason.map { "taken over: \($0)" } ?? "taken over") {
            (incident) throws(BatchError) in
            guard incident.status != .closed else { throw Incidents.closed(incident) }
            incident.status = .acknowledged
        }
    }

    /// - Throws: `ERR_UX_WRONG_STATE` when it is closed already, or critical and without a postmortem that reached somebody.
    public func close(_ name: String, reason: String) throws(BatchError) -> Incident {
        let now = context.now()
        return try change(name, "incident close", "closed: \(reason)") { (incident) throws(BatchError) in
            guard incident.status != .closed else { throw Incidents.closed(incident) }
            guard incident.mayClose else {
                throw BatchError(
                    .wrongState, "\(incident.name) is critical, and nobody has received its postmortem",
                    hint: "write and deliver it: \(command: "incident postmortem \(incident.name) --to FILE")")
            }
            incident.status = .closed
            incident.closedAt = now
        }
    }

    /// What nobody has taken over is closed when what it was opened for does not happen any more.
    func closeQuiet(_ isMeant: (String) -> Bool) throws(BatchError) {
        for incident in try list(IncidentFilter(status: .open)).incidents where isMeant(incident.cause) {
            try closeHealed(incident.cause, "its cause is gone")
        }
    }

    /// A critical one waits for its postmortem.
    func closeHealed(_ cause: String, _ reason: String) throws(BatchError) {
        for incident in try list(IncidentFilter(cause: cause, isOpen: true)).incidents where incident.mayClose {
            _ = try close(incident.name, reason: reason)
        }
    }

    func change(
        _ name: String, _ action: String, _ event: String, _ body: (inout Incident) throws(BatchError) -> Void
    ) throws(BatchError) -> Incident {
        let known = try incident(name)
        let (now, actor) = (context.now(), context.actor)
        let changed = try store.change(known.number, context.act(on: action)) { (incident) throws(BatchError) in
            try body(&incident)
            incident.timeline.append(.init(at: now, actor: actor, text: event))
        }
        return shown([changed])[0]
    }

    private static func closed(_ incident: Incident) -> BatchError {
        BatchError(
            .wrongState, "\(incident.name) is closed", hint: "see it: \(command: "incident show \(incident.name)")")
    }
}
