internal import BatchCore
internal import BatchEngine

enum ShowCommand: Command {
    static let verb = Verb.show

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        try context.output.show(try context.view().show(try BatchRequest(arguments).batch))
        return .done
    }
}
