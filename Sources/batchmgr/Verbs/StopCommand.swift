internal import BatchCore
internal import BatchEngine

enum StopCommand: Command {
    static let verb = Verb.stop

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try BatchRequest(arguments)
        let session = try context.session()
        let report = try Runner(session).stop(request.batch)
        try context.output.show(
            report,
            text: "\(report.batch) stops at its next checkpoint.\n"
                + context.terminal.style.next("Go on later: \(command: "resume --id \(report.batch)")"))
        return .done
    }
}
