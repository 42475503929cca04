internal import BatchCore
internal import BatchEngine

enum ResumeCommand: Command {
    static let verb = Verb.resume

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try BatchRequest(arguments)
        let session = try context.session()
        try context.output.show(try Runner(session).resume(request.batch))
        return .done
    }
}
