internal import BatchCore
internal import BatchEngine

enum DrillCommand: Command {
    static let verb = Verb.drill

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let report = try Drill(try context.session()).perform(sample: arguments.number("sample"))
        try context.output.show(report)
        return report.exitCode
    }
}
