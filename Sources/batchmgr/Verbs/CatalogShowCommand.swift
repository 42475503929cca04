internal import BatchCatalog
internal import BatchCore
internal import BatchEngine

enum CatalogShowCommand: Command {
    static let verb = Verb.catalogShow

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let catalog = try context.workspace().loadCatalog()
        let job = try catalog.job(named: try CatalogShowRequest(arguments).job)
        try context.output.show(JobReport(job, file: catalog.file(of: job.id)))
        return .done
    }
}
