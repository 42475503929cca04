internal import BatchCore
internal import BatchEngine

enum OpsTrustCommand: Command {
    static let verb = Verb.opsTrust

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try TrustRequest(arguments)
        try context.output.show(try OpsDesk(try context.workspace(), context: context.work).trust(request))
        return .done
    }
}
