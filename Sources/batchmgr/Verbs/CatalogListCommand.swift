internal import BatchCatalog
internal import BatchCore
internal import BatchEngine

enum CatalogListCommand: Command {
    static let verb = Verb.catalogList

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let catalog = try context.workspace().loadCatalog()
        let jobs = catalog.jobs.map { JobReport($0, file: catalog.file(of: $0.id)) }
        try context.output.show(JobListReport(jobs: jobs))
        return .done
    }
}
