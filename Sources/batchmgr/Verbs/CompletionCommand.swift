internal import BatchCore

enum CompletionCommand: Command {
    static let verb = Verb.completion

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let shell = arguments.positionals[0]
        let script =
            switch shell {
            case "bash": BashCompletion.script(context.tool)
            case "zsh": ZshCompletion.script(context.tool)
            default: FishCompletion.script(context.tool)
            }
        try context.output.show(CompletionReport(shell: shell, script: script), text: script)
        return .done
    }
}
