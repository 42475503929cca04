internal import BatchCore
internal import BatchEngine

enum AuditExportCommand: Command {
    static let verb = Verb.auditExport

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let filter = try AuditFilter(arguments, tenant: context.globals.tenant)
        let format = ExportFormat(rawValue: try arguments.required("format")) ?? .csv
        let report = try context.view().exportAudit(filter, format: format, to: try arguments.required("to"))
        try context.output.show(
            report,
            text: "\(Figures.count(report.rows, "row")) in \(Printable.text(report.path))\nSHA-256 \(report.sha256)\n")
        return .done
    }
}
