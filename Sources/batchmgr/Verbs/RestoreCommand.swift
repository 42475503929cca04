internal import BatchCore
internal import BatchEngine

enum RestoreCommand: Command {
    static let verb = Verb.restore

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try RestoreRequest(arguments)
        switch request.target {
        case .file(let path):
            let restoring = try Restoring(
                try context.workspace(), tenant: context.globals.tenant, context: .system())
            try context.output.show(
                try restoring.rebuild(try restoring.point(request.point), to: path, source: request.source))
        case .inPlace:
            throw BatchError(
                .usage, "restore --in-place is not there yet",
                hint: "rebuild to a new file: batchmgr restore --point \(request.point) --to FILE")
        }
        return .done
    }
}
