internal import BatchCore
internal import BatchEngine

enum SwitchListCommand: Command {
    static let verb = Verb.switchList

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let switches = try SwitchSetting(try context.workspace(), context: context.work)
        try context.output.show(try switches.list(history: arguments.has("history")))
        return .done
    }
}
