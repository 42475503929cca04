internal import BatchCore
internal import BatchEngine

enum PointsCommand: Command {
    static let verb = Verb.points

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        try context.output.show(try context.view().points())
        return .done
    }
}
