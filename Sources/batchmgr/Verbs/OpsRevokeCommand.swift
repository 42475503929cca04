internal import BatchCore
internal import BatchEngine

enum OpsRevokeCommand: Command {
    static let verb = Verb.opsRevoke

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let desk = try OpsDesk(try context.workspace(), context: context.work)
        let reason = try arguments.required("reason")
        try context.output.show(try desk.revoke(try arguments.required("name"), reason: reason))
        return .done
    }
}
