internal import BatchCore
internal import BatchEngine

enum DiffCommand: Command {
    static let verb = Verb.diff

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try DiffRequest(arguments)
        let report = try context.view().diff(request)
        if request.isSQL {
            try context.output.show(report, text: report.sql)
        } else {
            try context.output.show(report)
        }
        return .done
    }
}
