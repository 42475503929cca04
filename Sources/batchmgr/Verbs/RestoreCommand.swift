internal import BatchCore
internal import BatchEngine

enum RestoreCommand: Command {
    static let verb = Verb.restore

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try RestoreRequest(arguments)
        switch request.target {
        case .file(let path):
            let restoring = try Restoring(
                try context.workspace(), tenant: context.globals.tenant, context: context.work)
            try context.output.show(
                try restoring.extract(try restoring.point(request.point), to: path, source: request.source))
        case .inPlace: try context.output.show(try restore(request, nil, in: context))
        case .rows(let rows): try context.output.show(try restore(request, rows, in: context))
        }
        return .done
    }

    private static func restore(
        _ request: RestoreRequest, _ rows: RowSelection?, in context: CommandContext
    ) throws(BatchError) -> RunReport {
        let session = try Session(try context.workspace(), tenant: context.globals.tenant, context: context.work)
        return try InPlaceRestore(session).perform(request.point, source: request.source, rows: rows)
    }
}
