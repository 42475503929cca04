public import BatchCatalog
internal import BatchControl
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
        control = try context.control(in: workspace.backups)
    }

    /// What came of a request.
    public enum Outcome: Sendable {
        case done(OpsReport)
        /// A patch plan was made instead of a batch.
        case planned(OpsReport)
        /// It was allowed to ask, and what it asked for could not be done.
        case refused(ErrorReport)
    }

    /// What the request says is described to the audit, also when it is refused.
    /// - Throws: why it is refused; or the failure of what it asked for.
    public func submit(_ path: String) throws(BatchError) -> Outcome {
        let request = try SignedRequest(file: path).request
        for word in request.words { context.notes.describe(word.key, word.value) }
        try require(request)
        let (signer, old) = try control.claim(request, context.act("ops accept")) { signer in
            guard case .switching(let setting) = request.action else { return nil }
            return SwitchSetting.state(setting, actor: signer.name, at: context.now())
        }
        context.reach("request-claimed")
        return try perform(request, signer, old)
    }

    private func require(_ request: OpsRequest) throws(BatchError) {
        let here = try OpsDesk.target(workspace, control)
        guard request.target == here else {
            throw BatchError(
                .wrongWorkspace, "the request was made for \(request.target), and this is \(here)",
                hint: "sign it for this one: \(command: "ops sign --request FILE --key KEY --to FILE --target \(here)")"
            )
        }
        try request.requireTime(context.now())
        if case .switching(let setting) = request.action {
            try SwitchSetting(workspace, context: context).require(setting)
        }
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
            outcome = try OpsWork(workspace: workspace, context: context, request: request, signer: signer).perform(old)
        } catch {
            try control.noteOutcome(error.code.rawValue, of: request.nonce)
            throw error
        }
        let word =
            switch outcome {
            case .done: "done"
            case .planned: "planned"
            case .refused(let report): report.error.code.rawValue
            }
        try control.noteOutcome(word, of: request.nonce)
        return outcome
    }
}
