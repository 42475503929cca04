internal import BatchCatalog
internal import BatchCore
internal import BatchEngine

/// What a call leaves behind: lines in the log, and the row of its action in the audit.
///
/// Every verb goes through it, so that none can forget: an action that ends without having written its row gets one here,
/// also when it was refused or failed.
struct CommandRecord {
    private let arguments: ParsedArguments
    private let output: Output
    private let work: Context

    /// - Parameter work: that of the command, with its log.
    init(_ arguments: ParsedArguments, output: Output, work: Context) {
        self.arguments = arguments
        self.output = output
        self.work = work
    }

    private var verb: Verb { arguments.verb }

    func begin() { work.log.write(.info, "command.begin", "batchmgr \(verb.name)", module: .command) }

    /// - Parameter workspace: nil when there is none: then there is no place for a record.
    func end(_ exitCode: ExitCode, _ error: BatchError?, _ workspace: Workspace?) {
        if verb.trace.isAudited, let workspace { audit(exitCode, error, workspace) }
        let isBad = exitCode != .done
        let outcome = error.map { "\(self.outcome(exitCode, error)): \($0.logMessage)" } ?? self.outcome(exitCode, nil)
        work.log.write(
            isBad ? (exitCode == .stopped ? .warn : .error) : .info, "command.end",
            "batchmgr \(verb.name): \(outcome)", module: .command, error: error)
    }

    private func audit(_ exitCode: ExitCode, _ error: BatchError?, _ workspace: Workspace) {
        let ending = AuditTrail.Ending(
            batch: arguments.value("id").flatMap { BatchID($0) }?.description, outcome: outcome(exitCode, error),
            code: error?.code, exitCode: exitCode, sparesDatabase: sparesDatabase)
        do throws(BatchError) {
            try AuditTrail(workspace, context: work).conclude(ending)
        } catch {
            let warning = WarningCode.auditNotWritten
            output.note("warning: \(warning.rawValue): this action is not in the audit: \(error.message)")
            work.log.write(
                .error, "audit.lost", "the action could not be written into the audit", module: .audit, error: error,
                warning: warning)
        }
    }

    /// True for what must leave the database as it is, byte for byte, and for what is not about one.
    private var sparesDatabase: Bool {
        switch verb.trace {
        case .none, .view, .check, .workspace: true
        case .action: isDryRun || (verb == .restore && arguments.has("to"))
        }
    }

    /// True when the verb has changed something by the time it answers.
    var isDone: Bool { verb.trace == .action && !isDryRun }

    private var isDryRun: Bool { arguments.has("dry-run") || arguments.has("plan-out") }

    private func outcome(_ exitCode: ExitCode, _ error: BatchError?) -> String {
        switch exitCode {
        case .done, .pointPending: isDryRun ? "dry run" : "done"
        case .waitingForApproval where error == nil: "planned"
        case .usage, .refusedByPolicy, .refusedByDependents, .waitingForApproval, .busy: "refused"
        case .stepFailed, .noRestorePoint, .integrityViolation, .drift: "failed"
        case .stopped: "stopped"
        }
    }
}
