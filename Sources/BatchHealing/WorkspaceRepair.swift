internal import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine
internal import BatchSystem

/// What is wrong with a workspace beside its rows, and what the steps of repairs do about it.
public struct WorkspaceRepair: HealingWork {
    private let tool: String

    /// - Parameter tool: its version.
    public init(tool: String) { self.tool = tool }

    // MARK: Found

    /// - Throws: `ERR_UX_USAGE` for a part that nobody knows.
    public func faults(of part: String, in session: Session) throws(BatchError) -> [HealingStep.Fault] {
        switch part {
        case "scheduler": return try schedulerFaults(session)
        case "release": return try releaseFaults(session)
        default:
            if let part = DocumentStep.Part(rawValue: part) {
                return try session.context.documents?.faults(of: part, in: session) ?? []
            }
            throw BatchError(
                .unknownName, "there is no part '\(part)'\(Suggestion.clause(for: part, in: WorkspaceRepair.parts))",
                hint: "it is one of \(WorkspaceRepair.parts.joined(separator: ", "))")
        }
    }

    private static let parts = ["scheduler", "release"] + DocumentStep.Part.allCases.map(\.rawValue)
    /// A schedule that is later than this is not only late.
    private static let patience: Int64 = 300_000

    private func store(_ session: Session) throws(BatchError) -> (any ControlStore)? {
        guard Folder.exists(session.workspace.backups + "/control.db") else { return nil }
        return try session.context.store(of: session.workspace)
    }

    private func schedulerFaults(_ session: Session) throws(BatchError) -> [HealingStep.Fault] {
        guard let store = try store(session), let service = try store.service(), service.owner != nil else { return [] }
        let now = session.context.now()
        guard service.isRunning(at: now) else {
            return [.init(key: "service", reason: "it is recorded as running, but its process is gone")]
        }
        let late = Timestamp(milliseconds: now.milliseconds - WorkspaceRepair.patience)
        return try store.dueSchedules(at: late).map {
            .init(key: $0.name, reason: "it is more than 5 minutes late, and nothing was queued")
        }
    }

    private func releaseFaults(_ session: Session) throws(BatchError) -> [HealingStep.Fault] {
        guard try store(session) != nil, try Releases(session, tool: tool).automaticTarget() != nil else { return [] }
        return [.init(key: "release", reason: "more batches fail since the newest release than before")]
    }

    // MARK: Done

    public func follow(_ broken: ContractReport.Entry, in session: Session) throws(BatchError) {
        _ = try ContractConsequences(session, undo: nil).follow(ofStopped: broken)
    }

    public func follow(_ fired: [RuleFiring], in session: Session) throws(BatchError) {
        try Rules(session).follow(fired)
    }

    public func judgeFailures(in session: Session) throws(BatchError) {
        try Rules(session).checkFailures()
    }

    public func run(_ kind: HealingStep.Kind, _ step: StepRun) throws(BatchError) {
        switch kind {
        case .restart: try restart(step)
        case .release: try returnToRelease(step)
        }
    }

    /// A service that is gone is forgotten, so that another can begin; a running one lets its workers begin anew, one after
    /// the other, each at the end of its job.
    private func restart(_ step: StepRun) throws(BatchError) {
        let (session, context) = (step.session, step.session.context)
        let store = try context.store(of: session.workspace)
        let before = try WorkspaceRepair.open(store)
        let now = context.now()
        var done = "nothing"
        if let service = try store.service(), service.owner != nil {
            if service.isRunning(at: now) {
                done = "workers"
                try wait(for: try store.wishRestart(.queue, context.act(on: "service restart")), store, step)
            } else {
                done = "service"
                try store.leaveService(service, at: now)
            }
        }
        let after = try WorkspaceRepair.open(store)
        try step.record(
            [
                "restarted": .string(done), "open_before": JSONValue(before.count),
                "lost": JSONValue(before.subtracting(after).count { (try? store.queueJob($0)) == .some(nil) }),
            ])
    }

    /// Jobs of the queue that are not at an end.
    private static func open(_ store: any ControlStore) throws(BatchError) -> Set<Int64> {
        Set(try store.queueJobs(QueueFilter(limit: 100_000)).filter { $0.state.isOpen }.map(\.number))
    }

    private static let longestWait: Int64 = 60_000

    private func wait(
        for restart: ServiceRestart, _ store: any ControlStore, _ step: StepRun
    ) throws(BatchError) {
        let context = step.session.context
        let end = context.now().milliseconds + WorkspaceRepair.longestWait
        while let last = try store.lastRestart(), last.number == restart.number, last.endedAt == nil {
            guard context.now().milliseconds < end else {
                throw BatchError(
                    .timeout, "the workers of the service were not restarted within a minute",
                    hint: "see what they do: \(command: "queue list")")
            }
            try step.stopIfAsked()
            context.sleep(200)
        }
    }

    /// What is in use now is kept as a release first: a rollback leads back to it.
    private func returnToRelease(_ step: StepRun) throws(BatchError) {
        let releases = try Releases(step.session, tool: tool)
        guard let target = try releases.automaticTarget() else {
            return try step.record(["release": .null])
        }
        let number = "\(step.batch)".filter { $0.isLetter || $0.isNumber || $0 == "_" }
        let name = "before_\(number)"
        if !(try releases.list().releases.contains { $0.name == name }) { _ = try releases.record(name) }
        try step.record(["release": .string(target), "before": .string(name)])
        _ = try releases.rollback(target, isDryRun: false, withBatches: false)
    }

    // MARK: Taken back

    public func objectionToUndo(_ effect: Effect, in session: Session) -> BatchError? {
        guard let name = effect.detail["before"]?.string else { return nil }
        do throws(BatchError) {
            _ = try Releases(session, tool: tool).rollback(name, isDryRun: true, withBatches: false)
            return nil
        } catch {
            return error
        }
    }

    public func undo(_ effect: Effect, of batch: BatchID, in session: Session) throws(BatchError) {
        guard let name = effect.detail["before"]?.string else { return }
        _ = try Releases(session, tool: tool).rollback(name, isDryRun: false, withBatches: false)
    }
}
