internal import BatchCore
internal import BatchEngine

enum OpsSubmitCommand: Command {
    static let verb = Verb.opsSubmit

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let channel = try OpsChannel(try context.workspace(), context: context.workContext())
        switch try channel.submit(try arguments.required("file")) {
        case .done(let report):
            try context.output.show(report)
            return .done
        case .planned(let report):
            try context.output.show(report)
            return .waitingForApproval
        case .refused(let report):
            try context.output.show(report)
            return report.error.code.exitCode
        }
    }
}
