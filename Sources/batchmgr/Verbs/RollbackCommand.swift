internal import BatchCore
internal import BatchEngine

enum RollbackCommand: Command {
    static let verb = Verb.rollback

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let bound = try arguments.value("plan").map { (path) throws(BatchError) in
            try BoundPlanFile.read(try TextFile.read(path, option: "plan"), path: path)
        }
        let request: RollbackRequest
        if let bound {
            request = try RollbackRequest(bound, arguments)
        } else {
            request = try RollbackRequest(arguments)
        }
        let session = try context.session()
        switch try Rollback(session).perform(request, bound: bound) {
        case .done(let report):
            try context.output.show(report)
            return .done
        case .refused(let report):
            try context.output.show(report)
            return report.error.code.exitCode
        }
    }
}
