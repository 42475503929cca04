public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchLedger

/// Asks the switches whether work may begin, and whether it may go on.
///
/// The workspace's own are in `control.db`. Those in the ledger that another workspace has set count as well: a
/// database does not escape its switches by being named with `--db`.
final class SwitchGate {
    private let session: Session
    private var foreign: (version: Int64, states: [SwitchState])?
    /// Those of the job that was asked for last: a batch asks before each checkpoint.
    private var modules: (job: String, modules: [String])?

    init(_ session: Session) { self.session = session }

    func decision(on work: SwitchedWork) throws(BatchError) -> SwitchBoard.Decision {
        var board = try session.control().switches()
        board.states += try foreignStates()
        return board.decision(on: work, at: session.context.now())
    }

    /// - Parameter what: how the work is named to people: `job reprice`.
    /// - Throws: `ERR_SECURITY_SAFE_MODE`, `ERR_SECURITY_JOB_DISABLED`, `ERR_SECURITY_MODULE_OFF`.
    func require(_ work: SwitchedWork, _ what: String) throws(BatchError) {
        guard let cause = try decision(on: work).cause else { return }
        throw cause.refusal(of: what)
    }

    func require(_ action: SwitchedWork.Action, _ what: String) throws(BatchError) {
        try require(SwitchedWork(action, origin: session.context.origin), what)
    }

    /// Why there may be a plan of an order and no batch; nil when nothing stands against a run.
    /// - Throws: when there may be neither, or the order is a plan already.
    func suggestion(for order: RunOrder) throws(BatchError) -> String? {
        let what = order.plan.map { "\($0.plan.id)" } ?? "job \(order.job.id)"
        switch try decision(on: work(order.job, tenant: order.tenant)) {
        case .go:
            let isPlan = order.plan == nil && order.job.repair?.isPlan == true
            return isPlan ? "job \(order.job.id) says 'as_plan'" : nil
        case .refused(let cause): throw cause.refusal(of: what)
        case .planOnly(let cause):
            guard order.plan == nil else { throw cause.refusal(of: what) }
            return cause.words
        }
    }

    /// The work of running a job.
    /// - Throws: `ERR_INTEGRATION_FILE` when `modules.yaml` cannot be read.
    func work(_ job: JobDefinition, tenant: String?) throws(BatchError) -> SwitchedWork {
        SwitchedWork(
            .run, origin: session.context.origin, job: job.id, modules: try modules(of: job), tenant: tenant,
            faults: job.repair?.faults)
    }

    private func modules(of job: JobDefinition) throws(BatchError) -> [String] {
        if let modules, modules.job == job.id { return modules.modules }
        let found = try ModuleList.load(folder: session.workspace.catalog).modules(of: job)
        modules = (job.id, found)
        return found
    }

    /// Gives the ledger the settings of today. Call it in a transaction.
    func mirror() throws(BatchError) {
        var states = try session.control().switches().states
        // What the definitions of flags say, so that applications are told without the catalog.
        let flags = (try? ModuleList.load(folder: session.workspace.catalog))?.flags ?? []
        states += flags.map(\.state).filter { flag in !states.contains { $0.name == flag.name && $0.value != .standard }
        }
        try session.ledger.mirror(states.filter { !$0.isReplaced(in: states) }, of: try session.control().workspaceID())
    }

    private func foreignStates() throws(BatchError) -> [SwitchState] {
        let version = session.connection.dataVersion
        if let foreign, foreign.version == version { return foreign.states }
        let own = try session.control().workspaceID()
        let states = try session.ledger.switches().filter { $0.workspace != own }.map(\.state)
        foreign = (version, states)
        return states
    }
}

/// Sets the switches of a workspace, and tells its databases.
public struct SwitchSetting {
    private let workspace: Workspace
    private let context: Context
    private let control: any ControlStore

    public init(_ workspace: Workspace, context: Context) throws(BatchError) {
        self.workspace = workspace
        self.context = context
        control = try context.control(in: workspace.backups)
    }

    /// It counts from the moment it is in `control.db`; a batch that is running looks at its next checkpoint.
    /// - Throws: `ERR_UX_UNKNOWN_SWITCH` when there is no job, module or tenant of that name.
    public func set(_ request: SwitchRequest) throws(BatchError) -> SwitchReport {
        try require(request)
        let state = SwitchSetting.state(request, actor: context.actor, at: context.now())
        return try tell(state, old: try control.set(state, context.act(context.action(or: "switch set"))))
    }

    /// What `set` would do; nothing is set.
    public func preview(_ request: SwitchRequest) throws(BatchError) -> SwitchReport {
        try require(request)
        let now = context.now()
        let held = try control.switches().states.first { $0.name == request.name && $0.holds(at: now) }
        var report = SwitchReport(
            state: SwitchSetting.state(request, actor: context.actor, at: now),
            old: held?.value ?? request.name.standard, databases: [], behind: [])
        report.isDryRun = true
        return report
    }

    /// Sets a switch back to what it was before it was set last.
    public func undo(_ name: String, reason: String) throws(BatchError) -> SwitchReport {
        let name = try SwitchName(name)
        guard let last = try control.switchHistory().first(where: { $0.state.name == name }), let old = last.old else {
            throw BatchError(
                .wrongState, "nobody has set \(name)", hint: "see what was set: \(command: "switch list --history")")
        }
        return try set(
            SwitchRequest(
                name: name.description, value: old.rawValue, reason: reason, duration: nil, mayBeUnknown: true))
    }

    func require(_ request: SwitchRequest) throws(BatchError) {
        try requirePerson(for: request.name)
        try requireBounds(request)
        if request.mayBeUnknown { return }
        try SwitchSubjects(workspace: workspace, context: context)
            .require(request.name, known: try control.switches().states)
    }

    /// A threshold stays within the bounds of its rule.
    private func requireBounds(_ request: SwitchRequest) throws(BatchError) {
        guard case .threshold(let id, "threshold") = request.name, case .number(let text) = request.value,
            let number = Double(text),
            let rule = try? RuleList.load(folder: workspace.catalog).rules.first(where: { $0.id == id }),
            !rule.bounds.contains(number)
        else { return }
        throw BatchError(
            .usage,
            "\(request.name) cannot be \(text): rule \(id) allows \(rule.bounds.lowerBound) to \(rule.bounds.upperBound)",
            hint: "choose one of these, or change 'bounds' of the rule in catalog/rules.yaml")
    }

    /// A sensitive flag is nothing that a machine switches.
    private func requirePerson(for name: SwitchName) throws(BatchError) {
        guard case .flag(let flag) = name, [.schedule, .heal].contains(context.origin) else { return }
        let known = try ModuleList.load(folder: workspace.catalog).valid().flags
        guard known.contains(where: { $0.id == flag && $0.isSensitive }) else { return }
        throw BatchError(
            .safeMode, "flag \(flag) is sensitive: only a person switches it",
            hint: "switch it by hand: \(command: "switch set --name \(name) --value off --reason TEXT")")
    }

    static func state(_ request: SwitchRequest, actor: String, at now: Timestamp) -> SwitchState {
        SwitchState(
            name: request.name, value: request.value, actor: actor, reason: request.reason, setAt: now,
            expiresAt: request.duration.map { Timestamp(milliseconds: now.milliseconds + $0.wholeMilliseconds) })
    }

    /// - Parameter tenant: without the switches of other tenants; nil for all.
    public func list(history: Bool, tenant: String? = nil) throws(BatchError) -> SwitchListReport {
        let now = context.now()
        func concerns(_ name: SwitchName) -> Bool { tenant == nil || name.tenant == nil || name.tenant == tenant }
        if history {
            let entries = try control.switchHistory().filter { concerns($0.state.name) }.map { entry in
                SwitchListReport.Entry(
                    state: entry.state, holds: entry.holds && entry.state.holds(at: now), old: entry.old)
            }
            return SwitchListReport(entries: entries, isHistory: true)
        }
        let entries = try control.switches().states.filter { concerns($0.name) }.map { state in
            SwitchListReport.Entry(state: state, holds: state.holds(at: now))
        }
        return SwitchListReport(
            entries: entries.filter { $0.holds && $0.state.value != $0.state.name.standard }, isHistory: false)
    }

    // MARK: The databases

    func tell(_ state: SwitchState, old: SwitchValue) throws(BatchError) -> SwitchReport {
        let (told, behind) = try tell([state.name])
        return SwitchReport(state: state, old: old, databases: told, behind: behind)
    }

    /// Gives the databases what these switches are now.
    func tell(_ names: [SwitchName]) throws(BatchError) -> (told: [String], behind: [SwitchReport.Behind]) {
        var told: [String] = []
        var behind: [SwitchReport.Behind] = []
        for (database, tenant) in try DatabaseList(workspace).all() {
            do throws(BatchError) {
                let session = try Session(workspace, database: database.name, tenant: tenant, context: context)
                if try mirror(names, session) { told.append(session.path) }
            } catch {
                let path = database.path.replacing("{tenant}", with: tenant ?? "{tenant}")
                behind.append(.init(database: path, reason: error.message))
            }
        }
        return (told, behind)
    }

    /// - Returns: false when no batch has run on it: there is no ledger to write to.
    private func mirror(_ names: [SwitchName], _ session: Session) throws(BatchError) -> Bool {
        guard try session.ledger.exists() else { return false }
        // A batch that is at work there writes it itself when it ends.
        let turn = try session.plainTurn(for: LeaseWork("switch set"))
        defer { withExtendedLifetime(turn) {} }
        let watch = DriftDetection(session: session)
        let isKnown = watch.isKnownUntouched()
        let version = session.connection.dataVersion
        try session.ledger.complete()
        try session.connection.transaction { () throws(BatchError) in
            for name in names { try session.ledger.overrule(name, by: try control.workspaceID()) }
            try SwitchGate(session).mirror()
        }
        if isKnown { watch.remember(version: version) }
        return true
    }
}

extension SwitchState {
    /// A flag of which another state of the list says what it is.
    fileprivate func isReplaced(in states: [SwitchState]) -> Bool {
        guard case .flag = name, value == .standard else { return false }
        return states.contains { $0.name == name && $0.value != .standard }
    }
}
