internal import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine
internal import BatchSystem

/// Carries a runbook out, by the level of each step, and checks afterwards what must hold.
public struct RunbookRun {
    /// What a command of batchmgr answered.
    private struct Answer {
        let exitCode: Int32
        let document: JSONValue
    }

    private let runbook: RunbookDefinition
    private let session: Session
    private let tenant: String?
    private let module: String?
    /// That the open incidents of the tenant are about.
    private let batches: [String]

    /// - Parameters:
    ///   - session: of the person for whom it is done.
    ///   - module: nil: that of the latest open incident of the tenant that has one.
    /// - Throws: `ERR_UX_USAGE` when it is for one tenant, and none is named; `ERR_UX_UNKNOWN_NAME` for a module that the
    ///   catalog does not have.
    public init(
        _ runbook: RunbookDefinition, _ session: Session, tenant: String?, module: String? = nil
    ) throws(BatchError) {
        if runbook.needsTenant, tenant == nil {
            throw BatchError(
                .usage, "runbook \(runbook.id) is for one tenant",
                hint: "name it: \(command: "runbook run \(runbook.id) --tenant NAME")")
        }
        self.runbook = runbook
        self.session = session
        self.tenant = tenant
        let known = try ModuleList.load(folder: session.workspace.catalog).modules.map(\.id)
        if let module, !known.contains(module) {
            throw BatchError(
                .unknownName, "there is no module '\(module)'\(Suggestion.clause(for: module, in: known))",
                hint: "modules are in catalog/modules.yaml")
        }
        let incidents = try Incidents(session).list(IncidentFilter(tenant: tenant, isOpen: true)).incidents
        self.module = module ?? incidents.lazy.compactMap(\.module).first { known.contains($0) }
        batches = Set(incidents.filter { $0.tenant == tenant }.flatMap(\.reach.batches)).sorted()
    }

    /// - Parameter isConfirmed: steps of level 2 are done too.
    public func perform(isConfirmed: Bool) throws(BatchError) -> RunbookReport {
        let before = try state()
        var steps: [RunbookReport.Step] = []
        var opened: [String] = []
        for var step in runbook.steps {
            step.text = filled(step.text, "NAME")
            // An incident may be of no module.
            if module == nil, let place = step.words.firstIndex(of: "{module}"), place > 0,
                step.words[place - 1] == "--module"
            {
                step.words.removeSubrange(place - 1...place)
            }
            if steps.contains(where: { $0.outcome == .failed }) {
                steps.append(.init(step: step, outcome: .skipped))
            } else if step.words.isEmpty {
                steps.append(.init(step: step, outcome: .planned))
            } else if module == nil, step.words.contains(where: { $0.contains("{module}") }) {
                steps.append(.init(step: step, outcome: .planned, detail: "no module is known: --module NAME"))
            } else if step.level >= 3 {
                steps.append(try propose(step))
            } else if step.level == 2, !isConfirmed {
                step.words = words(step)
                steps.append(.init(step: step, outcome: .waiting))
            } else {
                let (done, incident) = try carryOut(step)
                steps.append(done)
                if let incident { opened.append(incident) }
            }
        }
        for incident in opened { try tell(incident, of: steps) }
        try note(steps)
        let checklist = try check(since: before, steps)
        return RunbookReport(runbooks: [runbook], steps: steps, checklist: checklist)
    }

    /// Runs batchmgr with these words, as a person would.
    private func call(_ words: [String]) throws(BatchError) -> Answer {
        let folder = session.workspace.folder
        let program = CommandLineProgram(
            arguments: [OwnProgram.path] + words + ["--json", "--no-input", "--workspace", folder],
            environment: ["BATCHMGR_ACTOR": session.context.actor], folder: folder, timeout: nil,
            outputLimit: 4 << 20)
        let outcome = try ExternalCommand(program).run()
        guard case .exited(let code) = outcome.ending else { return Answer(exitCode: -1, document: .null) }
        let text = String(decoding: outcome.output.bytes, as: UTF8.self)
        return Answer(exitCode: code, document: (try? JSONParser.parse(text)) ?? .null)
    }

    /// - Returns: also the incident that it has opened.
    private func carryOut(
        _ step: RunbookDefinition.Step
    ) throws(BatchError) -> (step: RunbookReport.Step, incident: String?) {
        // What a runbook begins, switches for repairs hold back.
        let isRepair = step.words.prefix(2) == ["heal", "run"] && step.words.contains("--apply")
        let answer = try call(words(step) + (isRepair ? ["--automatic"] : []))
        let error = answer.document["error"]
        let isDone = answer.exitCode == 0 || (step.mayFail && error == nil)
        let isIncident = isDone && step.words.prefix(2) == ["incident", "open"]
        let opened = isIncident ? answer.document["incidents"]?.array?.first?["id"]?.string : nil
        return (.init(step: step, outcome: isDone ? .done : .failed, detail: error?["message"]?.string), opened)
    }

    /// An incident says what its runbook has done, and what is left to a person.
    private func tell(_ incident: String, of steps: [RunbookReport.Step]) throws(BatchError) {
        let told = steps.filter { $0.step.words.prefix(2) != ["incident", "open"] }
        let actions = told.compactMap { step -> Incident.Action? in
            guard let outcome = step.outcome else { return nil }
            let words = step.step.words.map { filled($0, "NAME") }.map { $0.contains(" ") ? "'\($0)'" : $0 }
            let command = words.isEmpty ? nil : words.joined(separator: " ")
            return .init(level: step.step.level, text: "\(outcome.rawValue): \(step.step.text)", command: command)
        }
        let done = told.count { $0.outcome == .done }
        let text = "runbook \(runbook.id): \(Counted.text(done, "step")) done, \(told.count - done) left"
        _ = try Incidents(session).change(incident, "runbook run", text) { (incident) throws(BatchError) in
            incident.actions += actions
            incident.reach.add(.init(batches: batches))
        }
    }

    private func words(_ step: RunbookDefinition.Step) -> [String] {
        step.words.map { filled($0, "") }
    }

    /// - Parameter unknown: in the place of what is not known.
    private func filled(_ text: String, _ unknown: String) -> String {
        text.replacing("{tenant}", with: tenant ?? unknown).replacing("{module}", with: module ?? unknown)
    }

    /// Makes the plans of a step that is left to a person.
    private func propose(_ step: RunbookDefinition.Step) throws(BatchError) -> RunbookReport.Step {
        let answer = try call(words(step))
        let own = answer.document["plan"]?.string.map { [$0] } ?? []
        let plans = (answer.document["executions"]?.array ?? []).compactMap { $0["plan"]?.string }
        let names = plans.isEmpty ? own : plans
        if !names.isEmpty { return .init(step: step, outcome: .planned, detail: names.joined(separator: ", ")) }
        if answer.exitCode == 0 { return .init(step: step, outcome: .done, detail: "there is nothing to plan") }
        return .init(step: step, outcome: .failed, detail: answer.document["error"]?["message"]?.string)
    }

    private func note(_ steps: [RunbookReport.Step]) throws(BatchError) {
        session.context.notes.describe("runbook", .string(runbook.id))
        session.context.notes.describe(
            "steps", .object(steps.map { .init($0.step.id, JSONValue($0.outcome?.rawValue)) }))
    }

    // MARK: Afterwards

    private func state() throws(BatchError) -> (rows: Int, batches: Set<String>) {
        let batches = try session.list(ListRequest()).batches.map(\.batch.description)
        return (try session.listAudit(AuditFilter()).rows.count, Set(batches))
    }

    private func check(
        since before: (rows: Int, batches: Set<String>), _ steps: [RunbookReport.Step]
    ) throws(BatchError) -> [RunbookReport.Check] {
        let rows = try session.listAudit(AuditFilter()).rows
        let fresh = try session.list(ListRequest()).batches.map(\.batch).filter {
            !before.batches.contains($0.description)
        }
        let acted = steps.count { $0.outcome == .done && RunbookRun.isAction($0.step) }
        let added = rows.count - before.rows
        let traced = rows.allSatisfy { !$0.entry.traceID.isEmpty }
        let drift = try call(["drift", "show"])
        var undone = true
        for batch in fresh {
            let answer = try call(["rollback", "--id", batch.description, "--dry-run"])
            undone = undone && answer.exitCode == 0
        }
        // Incidents are judged below.
        let service = try call(["metrics", "slo"]).document["level"]?.string ?? "unknown"
        let critical = try Incidents(session).list(IncidentFilter(isOpen: true)).incidents.filter {
            $0.severity == .critical && !$0.mayClose
        }
        let found: [(isOK: Bool, detail: String)] = [
            (added >= acted && traced, "\(Counted.text(added, "row")) for \(Counted.text(acted, "action"))"),
            (
                drift.exitCode == 0 && drift.document["changes"]?.array?.isEmpty ?? true,
                "drift show ended with \(drift.exitCode)"
            ),
            (undone, fresh.isEmpty ? "the run made no batch" : Counted.text(fresh.count, "batch", plural: "batches")),
            (["ok", "warning"].contains(service), "the objectives are \(service)"),
            (critical.isEmpty, critical.isEmpty ? "none" : critical.map(\.name).joined(separator: ", ")),
        ]
        return zip(RunbookDefinition.checklist, found).map {
            RunbookReport.Check(name: $0.0, isOK: $1.isOK, detail: $1.detail)
        }
    }

    /// Commands that have a row in the audit of their own.
    private static func isAction(_ step: RunbookDefinition.Step) -> Bool {
        [["switch", "set"], ["incident", "open"], ["degrade", "on"], ["queue", "pause"], ["queue", "dead"]].contains(
            Array(step.words.prefix(2)))
    }
}
