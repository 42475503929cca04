internal import BatchCore
internal import BatchEngine

enum RollbackCommand: Command {
    static let verb = Verb.rollback

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try RollbackRequest(arguments)
        let session = try context.session()
        switch try Rollback(session).perform(request) {
        case .done(let report):
            try context.output.show(report)
            return .done
        case .refused(let report):
            try context.output.show(report)
            return report.error.code.exitCode
        }
    }
}
