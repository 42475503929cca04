public import BatchCore
internal import BatchLedger

/// Does what signed requests ask for, each once.
public struct OpsChannel {
    private let workspace: Workspace
    private let context: Context
    private let control: any ControlStore

    public init(_ workspace: Workspace, context: Context) throws(BatchError) {
        self.workspace = workspace
        self.context = context
        control = try ControlFile(folder: workspace.backups)
    }

    /// What came of a request.
    public enum Outcome: Sendable {
        case done(OpsReport)
        /// It was allowed to ask, and what it asked for could not be done.
        case refused(ErrorReport)
    }

    /// - Throws: why it is refused; or the failure of what it asked for.
    public func submit(_ path: String) throws(BatchError) -> Outcome {
        var request: OpsRequest?
        let signer: TrustedKey
        let old: SwitchValue?
        do throws(BatchError) {
            let signed = try SignedRequest(file: path).request
            request = signed
            try require(signed)
            (signer, old) = try control.claim(signed, at: context.now()) { signer in
                guard case .switching(let setting) = signed.action else { return nil }
                return SwitchSetting.state(setting, actor: signer.name, at: context.now())
            }
        } catch {
            try noteRefusal(request, error)
            throw error
        }
        guard let request else {
            throw BatchError(.internalFault, "the request of \(path) is lost", hint: "batchmgr doctor")
        }
        context.reach("request-claimed")
        return try perform(request, signer, old)
    }

    private func require(_ request: OpsRequest) throws(BatchError) {
        let here = try OpsDesk.target(workspace, control)
        guard request.target == here else {
            throw BatchError(
                .wrongWorkspace, "the request was made for \(request.target), and this is \(here)",
                hint: "sign it for this one: batchmgr ops sign --request FILE --key KEY --to FILE --target \(here)")
        }
        try request.requireTime(context.now())
    }

    private func noteRefusal(_ request: OpsRequest?, _ error: BatchError) throws(BatchError) {
        try control.note(
            "ops submit", actor: context.actor, outcome: "refused",
            details: [
                "error": .string(error.code.rawValue), "nonce": .init(request?.nonce),
                "claimed_signer": .init(request?.signer), "key": .init(request.map { Hex.string($0.key) }),
                "action": .init(request?.action.name), "subject": .init(request?.action.subject),
            ], at: context.now())
    }

    // MARK: Doing it

    private func perform(
        _ request: OpsRequest, _ signer: TrustedKey, _ old: SwitchValue?
    ) throws(BatchError) -> Outcome {
        var context = self.context
        context.actor = signer.name
        context.origin = .ops
        let outcome: Outcome
        do throws(BatchError) {
            switch request.action {
            case .run(let job, let tenant, let assignments, let key):
                let report = try run(job, tenant, assignments, key ?? "request:\(request.nonce)", context)
                outcome = .done(OpsReport(request: request, signer: signer, answer: report))
            case .rollback(let batch, let tenant, let mode, let checkpoint):
                let wish = RollbackRequest(
                    batch: .batch(batch), mode: mode, checkpoint: checkpoint,
                    onConflict: mode == .unconflicted ? .keep : .abort)
                let session = try Session(workspace, tenant: tenant, context: context)
                switch try Rollback(session).perform(wish) {
                case .done(let report):
                    outcome = .done(OpsReport(request: request, signer: signer, answer: report))
                case .refused(let report): outcome = .refused(report)
                }
            case .approve(let plan, _):
                throw BatchError(.usage, "there is no plan \(plan)", hint: "see the plans: batchmgr plan list")
            case .switching(let setting):
                let state = SwitchSetting.state(setting, actor: signer.name, at: context.now())
                let report = try SwitchSetting(workspace, context: context)
                    .tell(state, old: old ?? setting.name.standard)
                outcome = .done(OpsReport(request: request, signer: signer, answer: report))
            }
        } catch {
            try note(request, signer, error.code.rawValue)
            throw error
        }
        if case .refused(let report) = outcome {
            try note(request, signer, report.error.code.rawValue)
        } else {
            try note(request, signer, "done")
        }
        return outcome
    }

    private func run(
        _ name: String, _ tenant: String?, _ assignments: [String], _ key: String, _ context: Context
    ) throws(BatchError) -> RunReport {
        let job = try workspace.loadCatalog().job(named: name)
        let values = try ParameterValues(job, set: assignments)
        let session = try Session(workspace, tenant: tenant, context: context)
        return try Runner(session).run(job, values, tenant: tenant, key: key)
    }

    private func note(_ request: OpsRequest, _ signer: TrustedKey, _ outcome: String) throws(BatchError) {
        try control.noteOutcome(outcome, of: request.nonce)
        try control.note(
            "ops \(request.action.name)", actor: signer.name, outcome: outcome,
            details: [
                "nonce": .string(request.nonce), "subject": .string(request.action.subject),
                "submitted_by": .string(context.actor),
            ], at: context.now())
    }
}
