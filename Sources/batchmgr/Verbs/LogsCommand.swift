internal import BatchCore
internal import BatchEngine

enum LogsCommand: Command {
    static let verb = Verb.logs

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = LogsRequest(arguments)
        let reader = LogReader(try context.workspace(), request)
        StopSignal.install()
        let isJSON = context.globals.isJSON
        let style = context.terminal.style
        try reader.read(
            sleep: context.work.sleep, stop: { StopSignal.isRequested },
            show: { (text, line) throws(BatchError) in
                try StandardStream.output.write((isJSON ? text : LogText.text(line, style)) + "\n")
            })
        return .done
    }
}
