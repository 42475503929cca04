internal import BatchCore
internal import BatchEngine

enum OpsListCommand: Command {
    static let verb = Verb.opsList

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        try context.output.show(try OpsDesk(try context.workspace(), context: context.work).list())
        return .done
    }
}
