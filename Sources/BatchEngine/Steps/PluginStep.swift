internal import BatchCatalog
internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// Any kind that the workspace adds: a program that speaks JSON.
struct PluginStep: StepKind {
    /// In the ledger; the step itself bears the plugin's name.
    static let name = "plugin"

    var keys: KeyChoice {
        KeyChoice(KeyRule(PluginStep.name, .anything, "Settings of the plugin."), beside: CatalogRules.tries)
    }

    var place: StepPlace { .outside }
    var mayRunTwice: Bool { false }

    func noun(_ step: StepDefinition) -> String { "plugin \(step.kind)" }

    func require(_ step: StepDefinition, in session: Session) throws(BatchError) {
        try session.plugins().require([step.kind])
    }

    func run(_ step: StepRun) throws(BatchError) {
        try step.retrying { () throws(BatchError) in try call(step) }
    }

    private func call(_ step: StepRun) throws(BatchError) {
        let (run, definition) = (step.run, step.definition)
        let plugin = try run.session.plugins().plugin(definition.kind)
        let parameters = (try? JSONParser.parse(PinnedParameters.text(run.values))) ?? .null
        let batch = run.batch.batch
        let request = Plugin.Request(
            .run, batch: batch.description, step: definition.id, tenant: run.batch.tenant, parameters: parameters,
            settings: definition.settings)
        let (result, description) = try CircuitGate(run.session, plugin: definition.kind).call {
            () throws(BatchError) in
            let description = try plugin.describe()
            let result = try plugin.call(request, timeout: step.timeLeft, stop: step.programStop) { progress in
                run.context.phase("\(batch) \(definition.id)", Int(progress.done), of: progress.total.map { Int($0) })
            }
            return (result, description)
        }
        try step.record(
            [
                "plugin": .string(definition.kind), "settings": definition.settings, "result": result,
                "can_undo": .bool(description.canUndo),
            ], as: PluginStep.name)
    }

    func objectionToUndo(_ effect: Effect, of batch: BatchRecord, beside undone: Set<Int64>, in session: Session)
        -> UndoObjection?
    {
        let name = effect.detail["plugin"]?.string ?? ""
        guard effect.detail["can_undo"]?.bool == true else {
            return .undeclared("used plugin \(name), which cannot undo")
        }
        do throws(BatchError) {
            try session.plugins().require([name])
            return nil
        } catch { return .fault(error) }
    }

    func undo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) {
        let plugin = try session.plugins().plugin(effect.detail["plugin"]?.string ?? "")
        let parameters = batch.parameters.flatMap { try? JSONParser.parse($0) } ?? .null
        let request = Plugin.Request(
            .undo, batch: batch.batch.description, step: effect.step, tenant: batch.tenant, parameters: parameters,
            settings: effect.detail["settings"] ?? .null, result: effect.detail["result"] ?? .null)
        _ = try plugin.call(request, timeout: nil)
    }
}
