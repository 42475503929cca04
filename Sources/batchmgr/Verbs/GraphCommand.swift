internal import BatchCore
internal import BatchEngine

enum GraphCommand: Command {
    static let verb = Verb.graph

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try GraphRequest(arguments)
        let report = try context.view().graph(request.batch)
        switch request.format {
        case .text: try context.output.show(report)
        case .dot: try context.output.show(report, text: report.dot)
        case .json: try context.output.show(document: report)
        }
        return .done
    }
}
