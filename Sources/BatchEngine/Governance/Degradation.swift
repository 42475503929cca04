public import BatchCatalog
internal import BatchControl
public import BatchCore

/// Degraded mode: the modules that the application can do without for a while run only what a person begins.
public struct Degradation {
    private let workspace: Workspace
    private let context: Context
    private let control: any ControlStore
    private let declared: ModuleList

    public init(_ workspace: Workspace, context: Context) throws(BatchError) {
        self.workspace = workspace
        self.context = context
        control = try context.control(in: workspace.backups)
        declared = try ModuleList.load(folder: workspace.catalog).valid()
    }

    /// - Parameter module: only this one.
    public func begin(module: String?, reason: String) throws(BatchError) -> DegradeReport {
        let now = context.now()
        let states = try modules(module).map {
            SwitchState(name: .module($0), value: .degraded, actor: context.actor, reason: reason, setAt: now)
        }
        return try report(isOn: true, try control.degrade(states, context.act(context.action(or: "degrade on"))))
    }

    /// Everything becomes exactly what it was.
    public func end(module: String?, reason: String) throws(BatchError) -> DegradeReport {
        let wanted = try module.map { (name) throws(BatchError) in try modules(name) }
        context.notes.describe("reason", .string(reason))
        let act = context.act(context.action(or: "degrade off"))
        return try report(isOn: false, try control.endDegradation(of: wanted, act))
    }

    private func report(isOn: Bool, _ changes: [SwitchChange]) throws(BatchError) -> DegradeReport {
        let behind = try SwitchSetting(workspace, context: context).tell(changes.map(\.name)).behind
        return DegradeReport(
            isOn: isOn, changes: changes, critical: declared.modules.filter(\.isCritical).map(\.id), behind: behind)
    }

    private func modules(_ wanted: String?) throws(BatchError) -> [String] {
        guard !declared.modules.isEmpty else {
            throw BatchError(
                .usage, "the catalog names no modules",
                hint: "write them into catalog/modules.yaml: see docs/reliability.md")
        }
        guard let wanted else { return declared.modules.filter { !$0.isCritical }.map(\.id) }
        guard let module = declared.modules.first(where: { $0.id == wanted }) else {
            let meant = Suggestion.clause(for: wanted, in: declared.modules.map(\.id))
            throw BatchError(
                .unknownName, "there is no module '\(wanted)'\(meant)", hint: "they are in catalog/modules.yaml")
        }
        guard !module.isCritical else {
            throw BatchError(
                .safeMode, "module \(wanted) is critical, and is not degraded",
                hint:
                    "to hold it back anyway: \(command: "switch set --name module:\(wanted) --value degraded --reason TEXT")"
            )
        }
        return [wanted]
    }
}

extension Workspace {
    /// Nothing is begun, queued or given out for a tenant who is isolated.
    public func requireNotIsolated(_ tenant: String?, _ context: Context, _ what: String) throws(BatchError) {
        guard let tenant else { return }
        let board = try context.control(in: backups).switches()
        guard board.value(of: .tenant(tenant), at: context.now()) == .isolated else { return }
        if let state = board.states.first(where: { $0.name == .tenant(tenant) }) { throw state.refusal(of: what) }
    }
}
