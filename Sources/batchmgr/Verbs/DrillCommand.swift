internal import BatchCore
internal import BatchEngine

enum DrillCommand: Command {
    static let verb = Verb.drill

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let sample = arguments.number("sample")
        if sample == 0 {
            throw BatchError(
                .usage, "--sample 0 would restore no point", hint: "restore all of them: \(command: "drill")")
        }
        let report = try Drill(try context.session()).perform(sample: sample)
        try context.output.show(report)
        return report.exitCode
    }
}
