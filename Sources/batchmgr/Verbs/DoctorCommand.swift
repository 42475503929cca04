internal import BatchCore

enum DoctorCommand: Command {
    static let verb = Verb.doctor

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let examination = Examination(database: context.globals.database, isFast: arguments.has("fast"))
        let report = examination.report()
        try context.output.show(report)
        return report.exitCode
    }
}
