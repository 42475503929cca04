internal import BatchCore
internal import BatchEngine

enum AuditListCommand: Command {
    static let verb = Verb.auditList

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let filter = try AuditFilter(arguments, tenant: context.globals.tenant)
        try context.output.show(try context.view().listAudit(filter))
        return .done
    }
}
