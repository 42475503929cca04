internal import BatchCore
internal import BatchEngine

enum HistoryCompactCommand: Command {
    static let verb = Verb.historyCompact

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        try context.output.show(try HistoryCompaction(try context.session()).perform())
        return .done
    }
}
