internal import BatchCore
internal import BatchEngine

enum StopCommand: Command {
    static let verb = Verb.stop

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try BatchRequest(arguments)
        let session = try context.session(try context.workspace())
        try context.output.show(try Runner(session).stop(request.batch))
        return .done
    }
}
