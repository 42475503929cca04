internal import BatchCore
internal import BatchEngine

enum AuditVerifyCommand: Command {
    static let verb = Verb.auditVerify

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let report = try context.view().verifyAudit(keys: arguments.values("key"))
        try context.output.show(report)
        return report.exitCode
    }
}
