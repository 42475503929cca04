internal import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine

/// Does what contracts say when the data does not keep them: an incident, the module switched off, the batch undone.
public struct ContractConsequences {
    /// What became of one consequence.
    public struct Outcome: Hashable, Sendable {
        public let contract: String
        public let consequence: ContractDefinition.Consequence
        /// False when it is left to a person.
        public let isDone: Bool
        /// The incident, the switch or the rollback; or why nothing was done.
        public let detail: String
    }

    private let session: Session
    /// Undoes a batch; nil where none may be, as within a batch.
    private let undo: ((BatchID) throws(BatchError) -> String)?

    public init(_ session: Session, undo: ((BatchID) throws(BatchError) -> String)?) {
        self.session = session
        self.undo = undo
    }

    /// A batch was stopped before it broke the contract for good.
    public func follow(ofStopped entry: ContractReport.Entry) throws(BatchError) -> [Outcome] {
        let wanted = entry.contract.consequences
        var outcomes = wanted.contains(.block) ? [carryOut(.block, entry)] : []
        guard wanted.contains(.incident) else { return outcomes }
        let incident = try Incidents(session).open(
            entry.contract.faults, entry.contract.severity,
            "contract \(entry.contract.id) would have been broken by \(Counted.text(entry.violations, "row")), and \(entry.batch ?? "the batch") was stopped",
            cause: "contract:\(entry.contract.id)", tenant: session.context.tenant, module: entry.contract.module,
            batches: [entry.batch].compactMap(\.self),
            actions: [.init(level: 1, text: "see the batch", command: "show --id \(entry.batch ?? "BATCH")")])
        outcomes.append(.init(contract: entry.contract.id, consequence: .incident, isDone: true, detail: incident.name))
        return outcomes
    }

    /// What fails for one stops nothing for the others.
    public func follow(_ report: ContractReport) throws(BatchError) -> [Outcome] {
        var outcomes: [Outcome] = []
        for entry in report.entries where entry.status == .fail && entry.error == nil {
            // The incident comes last: it tells what the others have done.
            // A module that is off would hold back the undoing.
            let wanted = entry.contract.consequences
            for consequence in [ContractDefinition.Consequence.rollback, .block] where wanted.contains(consequence) {
                outcomes.append(carryOut(consequence, entry))
            }
            guard wanted.contains(.incident) else { continue }
            let incident = try openIncident(entry)
            outcomes.append(
                .init(contract: entry.contract.id, consequence: .incident, isDone: true, detail: incident.name))
        }
        return outcomes
    }

    private func carryOut(
        _ consequence: ContractDefinition.Consequence, _ entry: ContractReport.Entry
    ) -> Outcome {
        let id = entry.contract.id
        do throws(BatchError) {
            let detail = consequence == .block ? try block(entry.contract) : try rollBack(entry)
            return .init(contract: id, consequence: consequence, isDone: detail.isDone, detail: detail.text)
        } catch {
            return .init(contract: id, consequence: consequence, isDone: false, detail: error.logMessage)
        }
    }

    private func block(_ contract: ContractDefinition) throws(BatchError) -> (isDone: Bool, text: String) {
        guard let module = contract.module else { return (false, "the contract names no module") }
        var context = session.context
        context.origin = .heal
        _ = try SwitchSetting(session.workspace, context: context).set(
            SwitchRequest(
                name: "module:\(module)", value: "off", reason: "contract \(contract.id) is broken", duration: nil,
                mayBeUnknown: true))
        return (true, "module:\(module) is off")
    }

    /// By the level of its job: up to 2 at once, 3 by a person, and so where the catalog does not know the job, or
    /// switches hold back what begins by itself.
    private func rollBack(_ entry: ContractReport.Entry) throws(BatchError) -> (isDone: Bool, text: String) {
        guard let name = entry.batch, let batch = BatchID(name) else {
            return (false, "the batch that set the rows is not known")
        }
        let jobs = try session.workspace.loadCatalog(session.context.steps.rules()).jobs
        guard let job = jobs.first(where: { $0.id == batch.job }) else {
            return (false, "\(name) must be undone by a person: the catalog has no job \(batch.job)")
        }
        guard job.level < 3, let undo else {
            return (false, "\(name) must be undone by a person, at level \(job.level)")
        }
        let work = SwitchedWork(
            .run, origin: .heal, job: job.id,
            modules: try ModuleList.load(folder: session.workspace.catalog).modules(of: job),
            tenant: session.context.tenant,
            faults: entry.contract.faults)
        guard try session.decision(on: work) == .go else {
            return (false, "\(name) must be undone by a person: switches hold back automatic work")
        }
        return (true, try undo(batch))
    }

    private func openIncident(_ entry: ContractReport.Entry) throws(BatchError) -> Incident {
        let contract = entry.contract
        var actions = [Incident.Action(level: 1, text: "see the rows", command: "contract check \(contract.id)")]
        for batch in entry.batches {
            actions.append(.init(level: 3, text: "undo the batch that set them", command: "rollback --id \(batch)"))
        }
        return try Incidents(session).open(
            contract.faults, contract.severity,
            "contract \(contract.id) is broken by \(Counted.text(entry.violations, "row"))",
            cause: "contract:\(contract.id)", module: contract.module, batches: entry.batches, actions: actions)
    }
}

/// `contract enforce`
public struct ContractEnforcementReport: Report {
    public let contracts: ContractReport
    public let outcomes: [ContractConsequences.Outcome]

    public init(_ contracts: ContractReport, _ outcomes: [ContractConsequences.Outcome]) {
        self.contracts = contracts
        self.outcomes = outcomes
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        contracts.members(call) + [
            .init(
                "followed",
                .array(
                    outcomes.map {
                        [
                            "contract": .string($0.contract), "consequence": .string($0.consequence.rawValue),
                            "done": .bool($0.isDone), "detail": .string($0.detail),
                        ]
                    }))
        ]
    }
}
