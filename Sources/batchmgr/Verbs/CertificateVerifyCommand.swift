internal import BatchCore
internal import BatchEngine

enum CertificateVerifyCommand: Command {
    static let verb = Verb.certificateVerify

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let verification = try CertificateVerification(try context.view(), file: arguments.positionals.first ?? "")
        let report = try verification.report(key: arguments.value("key"))
        try context.output.show(report)
        return report.exitCode
    }
}
