internal import BatchCore
internal import BatchEngine

enum SwitchSetCommand: Command {
    static let verb = Verb.switchSet

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try SwitchRequest(arguments)
        try context.output.show(try SwitchSetting(try context.workspace(), context: context.work).set(request))
        return .done
    }
}
