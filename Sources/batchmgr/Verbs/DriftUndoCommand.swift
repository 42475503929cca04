internal import BatchCore
internal import BatchEngine

enum DriftUndoCommand: Command {
    static let verb = Verb.driftUndo

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        switch try context.session().undoDrift() {
        case .done(let report): try context.output.show(report)
        case .refused(let report):
            try context.output.show(report)
            return report.error.code.exitCode
        }
        return .done
    }
}
