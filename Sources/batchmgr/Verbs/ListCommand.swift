internal import BatchCore
internal import BatchEngine

enum ListCommand: Command {
    static let verb = Verb.list

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let session = try context.view()
        try context.output.show(try session.list(ListRequest(arguments)))
        return .done
    }
}
