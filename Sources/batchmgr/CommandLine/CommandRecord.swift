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
        let outcome = error.map { "\(self.outcome(exitCode)): \($0.logMessage)" } ?? self.outcome(exitCode)
        work.log.write(
            isBad ? (exitCode == .stopped ? .warn : .error) : .info, "command.end",
            "batchmgr \(verb.name): \(outcome)", module: .command, error: error)
    }

    private func audit(_ exitCode: ExitCode, _ error: BatchError?, _ workspace: Workspace) {
        let ending = AuditTrail.Ending(
            batch: arguments.value("id").flatMap { BatchID($0) }?.description, outcome: outcome(exitCode),
            code: error?.code, exitCode: exitCode, isShared: verb.trace == .workspace)
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

    private func outcome(_ exitCode: ExitCode) -> String {
        switch exitCode {
        case .done: arguments.has("dry-run") || arguments.has("plan-out") ? "dry run" : "done"
        case .usage, .refusedByPolicy, .refusedByDependents, .waitingForApproval, .busy: "refused"
        case .stepFailed, .noRestorePoint, .integrityViolation: "failed"
        case .stopped: "stopped"
        }
    }
}
