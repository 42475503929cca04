public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchHistory
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
        let here = try OpsKeys.target(workspace, control)
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
            outcome = try Work(workspace: workspace, context: context, request: request, signer: signer).perform(old)
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

/// A request with its signature, as it lies in a file. It exists only when the signature fits the key in it; whether
/// that key is trusted is another question.
struct SignedRequest {
    let request: OpsRequest
    let signature: [UInt8]

    init(signing request: OpsRequest, with key: SigningKey) throws(BatchError) {
        self.request = request
        signature = try key.sign(request.signedBytes)
    }

    var text: String {
        let document: JSONValue = ["request": request.json, "signature": .string(Hex.string(signature))]
        return JSONWriter.text(document, indented: true) + "\n"
    }

    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_UX_INVALID_REQUEST`, `ERR_SECURITY_SIGNATURE`.
    init(file path: String) throws(BatchError) {
        let document = try SignedRequest.document(path)
        guard document.members?.map(\.key) == ["request", "signature"], let body = document["request"],
            let signature = document["signature"]?.string.flatMap({ Hex.bytes($0) }), body.members != nil
        else { throw SignedRequest.invalid("\(path) is not a signed request") }
        // Nothing of it is believed, or even looked at closely, before the signature is.
        guard let key = body["key"]?.string.flatMap({ Hex.bytes($0) }).flatMap({ PublicKey(bytes: $0) }) else {
            throw SignedRequest.invalid("\(path) names no key")
        }
        guard key.verifies(signature, of: Array(JSONWriter.text(body).utf8)) else {
            throw BatchError(
                .signature, "the signature of \(path) does not match: it was changed after it was signed",
                hint: "sign it again: \(command: "ops sign --request FILE --key KEY --to FILE")")
        }
        request = try OpsRequest(json: body)
        self.signature = signature
    }

    /// A file with JSON of a size that a request can have.
    static func document(_ path: String) throws(BatchError) -> JSONValue {
        guard FolderText.exists(path) else {
            throw BatchError(.fileMissing, "there is no file \(path)", hint: "check the path")
        }
        switch try FolderText.read(path, limit: OpsRequest.largestSize) {
        case .unreadable(_, let why): throw invalid("\(path): \(why)")
        case .text(let text):
            do throws(JSONParser.SyntaxError) {
                return try JSONParser.parse(text, refusingRepeats: true)
            } catch {
                throw invalid("\(path) is not JSON: \(error.what), at byte \(error.offset)")
            }
        }
    }

    static func invalid(_ message: String) -> BatchError {
        BatchError(.invalidRequest, message, hint: "how requests are written: docs/ops.md")
    }
}

extension OpsChannel {
    /// The work of one request that was accepted, in the name of its signer.
    struct Work {
        let workspace: Workspace
        let context: Context
        let request: OpsRequest
        let signer: TrustedKey

        /// - Parameter old: of a request to switch, which is set already: the value before.
        func perform(_ old: SwitchValue?) throws(BatchError) -> OpsChannel.Outcome {
            switch request.action {
            case .run(let job, let tenant, let assignments, let key):
                return try run(job, tenant, assignments, key ?? "request:\(request.nonce)")
            case .rollback(let batch, let tenant, let mode, let checkpoint):
                let wish = RollbackRequest(
                    batch: .batch(batch), mode: mode, checkpoint: checkpoint,
                    onConflict: mode == .unconflicted ? .keep : .abort)
                switch try Rollback(try session(tenant)).perform(wish) {
                case .done(let report): return .done(answer(report))
                case .refused(let report): return .refused(report)
                }
            case .approve(let plan, let tenant):
                return .done(answer(try PatchPlans(try session(tenant)).approve(plan, as: signer.name)))
            case .switching(let setting):
                let state = SwitchSetting.state(setting, actor: signer.name, at: context.now())
                let report = try SwitchSetting(workspace, context: context).tell(
                    state, old: old ?? setting.name.standard)
                return .done(answer(report))
            }
        }

        private func run(
            _ name: String, _ tenant: String?, _ assignments: [String], _ key: String
        ) throws(BatchError) -> OpsChannel.Outcome {
            let job = try workspace.loadCatalog(context.steps.rules()).job(named: name)
            let values = try ParameterValues(job, set: assignments)
            let order = RunOrder(job: job, values: values, tenant: tenant, key: key)
            switch try Runner(try session(tenant)).submit(order) {
            case .ran(let report): return .done(answer(report))
            case .planned(let plan): return .planned(answer(plan))
            }
        }

        private func session(_ tenant: String?) throws(BatchError) -> Session {
            try Session(workspace, tenant: tenant, context: context)
        }

        private func answer(_ report: any Report) -> OpsReport {
            OpsReport(request: request, signer: signer, answer: report)
        }
    }
}
