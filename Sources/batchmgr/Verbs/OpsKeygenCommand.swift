internal import BatchCore
internal import BatchEngine

enum OpsKeygenCommand: Command {
    static let verb = Verb.opsKeygen

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        try context.output.show(
            try OpsDesk.makeKey(name: try arguments.required("name"), file: try arguments.required("to")))
        return .done
    }
}
