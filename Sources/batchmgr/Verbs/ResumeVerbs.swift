public import BatchCore
internal import BatchEngine

extension Verb {
    static func batch(_ summary: String) -> Option { .required("id", .text("BATCH"), summary) }

    public static let resume = Verb(
        "resume", "continue a stopped or failed batch from its last checkpoint",
        options: [
            batch("the batch, or a job for its latest one").main,
            .flag("dry-run", "do what is left, show the row-level changes, and discard them (also: -n)"),
            .flag("all", "with --dry-run: show every row (default: 20)"),
        ],
        topic: .run, role: .operator,
        examples: [
            .init("batchmgr resume --id reprice_invoices.3", "continue where it stopped"),
            .init("batchmgr resume reprice_invoices.3 --dry-run", "what would it still do?"),
        ])

    public static let stop = Verb(
        "stop", "ask a running batch to stop at its next checkpoint",
        options: [batch("the batch, or a job for its running one").main],
        topic: .run, role: .operator,
        examples: [.init("batchmgr stop --id reprice_invoices.3", "it can be resumed later")])
}

/// `resume` and `stop`: a batch is all they need.
public struct BatchRequest: Hashable, Sendable {
    public let batch: BatchReference

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        batch = try BatchReference(try arguments.required("id"))
    }
}

extension Command {
    static let resume = Command(.resume) { (arguments, call) throws(BatchError) in
        let request = try BatchRequest(arguments)
        call.endAtFirstSignal()
        let session = try call.session()
        let runner = Runner(session)
        if arguments.has("dry-run") {
            try call.output.show(try runner.previewResume(request.batch))
            return .done
        }
        let report = try runner.resume(request.batch)
        try call.output.show(report)
        return report.exitCode
    }

    static let stop = Command(.stop) { (arguments, call) throws(BatchError) in
        let request = try BatchRequest(arguments)
        let session = try call.session()
        let report = try Runner(session).stop(request.batch)
        try call.output.show(
            report, text: report.text + call.terminal.style.next(report.next))
        return .done
    }
}

extension StopReport {
    fileprivate var text: String {
        switch end {
        case .atCheckpoint: "\(batch) stops at its next checkpoint.\n"
        case .aborted:
            "\(batch) is in its last checkpoint, which is rolled back; what it committed before stays.\n"
        case .committed: "\(batch) has done its work already, and ends as committed.\n"
        case .unbegun: "\(batch) has not begun yet; its run stops before it changes anything.\n"
        }
    }

    fileprivate var next: Hint {
        switch end {
        case .atCheckpoint, .aborted: "Continue it later: \(command: "resume --id \(batch)")"
        case .committed: "Undo it: \(command: "rollback --id \(batch)")"
        case .unbegun: "Run it later: \(command: "run --id \(batch.job)")"
        }
    }
}

extension RunReport {
    var exitCode: ExitCode { .after(restorePoint) }
}

extension ExitCode {
    /// A restore point that could not be written is no failure of the batch.
    static func after(_ point: RestorePointSummary?) -> ExitCode { point?.status == .pending ? .pointPending : .done }
}
