internal import BatchCore
internal import BatchEngine

enum DriftShowCommand: Command {
    static let verb = Verb.driftShow

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try DriftRequest(arguments)
        let report = try context.view().drift(request)
        if request.isSQL {
            try context.output.show(report, text: report.changes.sql)
        } else {
            try context.output.show(report)
        }
        return .done
    }
}
