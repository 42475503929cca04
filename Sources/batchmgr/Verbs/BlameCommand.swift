internal import BatchCore
internal import BatchEngine

enum BlameCommand: Command {
    static let verb = Verb.blame

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        try context.output.show(try context.view().blame(try BlameRequest(arguments)))
        return .done
    }
}
