internal import BatchCore
internal import BatchEngine

enum OpsSignCommand: Command {
    static let verb = Verb.opsSign

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try SignRequest(arguments)
        let report = try OpsDesk.sign(request, context: context.work) { () throws(BatchError) in
            try context.workspace()
        }
        try context.output.show(report)
        return .done
    }
}
