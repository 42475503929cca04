public import BatchCatalog
public import BatchCore
public import BatchLedger

/// What a module that looks after the workspace does for the steps of its jobs.
public protocol HealingWork: Sendable {
    /// What is wrong with a part of the workspace that no table holds: `scheduler`, `release`.
    func faults(of part: String, in session: Session) throws(BatchError) -> [HealingStep.Fault]
    func run(_ kind: HealingStep.Kind, _ step: StepRun) throws(BatchError)
    /// Does what a contract says when a batch was stopped for it; the batch itself is looked after already.
    func follow(_ broken: ContractReport.Entry, in session: Session) throws(BatchError)
    /// Does what rules say that have fired directly after a checkpoint.
    func follow(_ fired: [RuleFiring], in session: Session) throws(BatchError)
    /// Holds the rules that are judged at once against the failures that the audit tells of.
    func judgeFailures(in session: Session) throws(BatchError)
    /// Why an effect cannot be taken back; nil when it can.
    func objectionToUndo(_ effect: Effect, in session: Session) -> BatchError?
    func undo(_ effect: Effect, of batch: BatchID, in session: Session) throws(BatchError)

    /// One look of an audit.
    func look(_ order: AuditStep.Order, in session: Session) throws(BatchError) -> AuditStep.Result
    /// Writes what an audit found, beginning with what got worse.
    /// - Parameter before: what the last one found; nil when it is the first.
    /// - Returns: the path of the report.
    func writeReport(
        of batch: BatchID, _ results: [AuditStep.Result], before: [AuditStep.Result]?, in session: Session
    ) throws(BatchError) -> String
}

/// `repair.restart`, `repair.release`: what a repair does to the workspace and not to rows.
public struct HealingStep: StepKind {
    public enum Kind: String, CaseIterable, Sendable {
        case restart = "repair.restart"
        case release = "repair.release"
    }

    /// A row of `workspace_faults`, as `finds` selects it.
    public struct Fault: Hashable, Sendable {
        public let key: String
        public let reason: String

        public init(key: String, reason: String) {
            self.key = key
            self.reason = reason
        }

        var json: JSONValue { ["key": .string(key), "reason": .string(reason)] }
    }

    private let kind: Kind

    init(_ kind: Kind) { self.kind = kind }

    public var keys: KeyChoice {
        let meaning =
            switch kind {
            case .restart: "Restarts the service and its workers; no queued job is lost."
            case .release: "Puts catalog and configuration back as the last validated release has them."
            }
        let table = KeyTable("a \(kind.rawValue)", [])
        return KeyChoice(KeyRule(kind.rawValue, .record(table), meaning), beside: CatalogRules.tries)
    }

    public var place: StepPlace { .outside }

    public func noun(_ step: StepDefinition) -> String {
        switch kind {
        case .restart: "restart of the service"
        case .release: "return to the release"
        }
    }

    public func require(_ step: StepDefinition, in session: Session) throws(BatchError) {
        _ = try work(session)
    }

    public func run(_ step: StepRun) throws(BatchError) {
        let work = try work(step.session)
        try step.retrying { () throws(BatchError) in try work.run(kind, step) }
    }

    public func objectionToUndo(_ effect: Effect, of batch: BatchRecord, beside undone: Set<Int64>, in session: Session)
        -> UndoObjection?
    {
        session.context.healing?.objectionToUndo(effect, in: session).map(UndoObjection.fault)
    }

    public func undo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) {
        try work(session).undo(effect, of: batch.batch, in: session)
    }

    private func work(_ session: Session) throws(BatchError) -> any HealingWork {
        if let healing = session.context.healing { return healing }
        throw BatchError(
            .libraryMissing, "step kind \(kind.rawValue) cannot run here",
            hint: "use the tool itself: \(command: "heal list")")
    }
}
