internal import BatchCatalog
internal import BatchCore
internal import BatchEngine

enum CatalogValidateCommand: Command {
    static let verb = Verb.catalogValidate

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let report = CatalogReport(
            try context.workspace().validateCatalog(files: arguments.positionals))
        try context.output.show(report)
        return report.diagnostics.isEmpty ? .done : .usage
    }
}
