internal import BatchCore
internal import BatchEngine

enum VerifyCommand: Command {
    static let verb = Verb.verify

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let session = try context.view()
        let isFast = arguments.has("fast")
        let batch = try arguments.value("id").map { (text) throws(BatchError) in try BatchReference(text) }
        var checks = try session.verify(batch, isFast: isFast).checks
        if !isFast, batch == nil {
            checks += try session.verifyAudit().checks
            checks += IntegrityChecks(connection: session.connection, pragma: "integrity_check").checks
        }
        let report = ChecksReport(checks: checks)
        try context.output.show(report)
        return report.exitCode
    }
}
