internal import BatchCatalog
public import BatchCore
internal import BatchEngine

extension Verb {
    public static let catalogList = Verb("catalog list", "list the jobs of the catalog", role: .viewer, trace: .view)

    public static let catalogShow = Verb(
        "catalog show", "show one job: all that its file says",
        options: [.required("id", .text("JOB"), "the job").main],
        role: .viewer,
        trace: .view,
        examples: [.init("batchmgr catalog show --id reprice_invoices", "one job in full")])

    public static let catalogValidate = Verb(
        "catalog validate", "check every file of the catalog and show all errors",
        positionals: [Positional(.file("FILE"), "check only these files", isRequired: false, repeats: true)],
        role: .viewer,
        trace: .view,
        examples: [.init("batchmgr catalog validate", "exit 2 when anything is wrong")])

    public static let catalogSchema = Verb(
        "catalog schema", "print the JSON Schema of a job",
        role: nil,
        trace: .none,
        examples: [.init("batchmgr catalog schema > catalog/schema.json", "for editors")])
}

/// `catalog show`
public struct CatalogShowRequest: Hashable, Sendable {
    public let job: String

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        job = try arguments.required("id")
    }
}

extension Command {
    static let catalogList = Command(.catalogList) { (_, call) throws(BatchError) in
        let catalog = try call.workspace().loadCatalog(StepRegistry.builtIn.rules())
        let jobs = catalog.jobs.map { JobReport($0, file: catalog.file(of: $0.id)) }
        try call.output.show(
            JobListReport(
                jobs: jobs, broken: catalog.broken.map { .init(file: $0.file, id: $0.id, mistakes: $0.mistakes.count) })
        )
        return .done
    }

    static let catalogShow = Command(.catalogShow) { (arguments, call) throws(BatchError) in
        let catalog = try call.workspace().loadCatalog(StepRegistry.builtIn.rules())
        let job = try catalog.job(named: try CatalogShowRequest(arguments).job)
        try call.output.show(JobReport(job, file: catalog.file(of: job.id), keys: job.writtenKeys))
        return .done
    }

    static let catalogValidate = Command(.catalogValidate) { (arguments, call) throws(BatchError) in
        var (files, mistakes, jobs) = try call.workspace()
            .validateCatalog(files: arguments.positionals, StepRegistry.builtIn.rules())
        // Nothing is held against a database while there is none to be asked.
        let session = try? call.view()
        if arguments.positionals.isEmpty, let session, let folder = try call.workspace().catalog {
            mistakes += try session.mappingMistakes(folder: folder)
        }
        if arguments.positionals.isEmpty, let session {
            let workspace = try call.workspace()
            mistakes += try session.policyMistakes().map { workspace.mistake($0.message, at: $0.name) }
        }
        let workspace = try call.workspace()
        if arguments.positionals.isEmpty {
            mistakes += workspace.secretMistakes(workspace.notify).map { workspace.mistake($0.message, at: $0.name) }
        }
        let catalog = try? workspace.loadCatalog(StepRegistry.builtIn.rules())
        for job in jobs {
            let file = catalog?.file(of: job.id)
            mistakes += workspace.secretMistakes(job.notify)
                .map { workspace.mistake("job \(job.id): \($0.message)", at: $0.name, in: file) }
        }
        let report = CatalogReport(
            (files, mistakes), schedules: try jobs.schedules(after: call.work.now(), count: 5),
            warnings: (try? session?.readsOfAllTenants(jobs)) ?? [])
        try call.output.show(report)
        return report.diagnostics.isEmpty ? .done : .usage
    }

    static let catalogSchema = Command(.catalogSchema) { (_, call) throws(BatchError) in
        // Outside a workspace there are no plugins, and the schema is that of every job.
        let plugins: [String]
        do throws(BatchError) {
            plugins = try call.workspace().plugins.map(\.name)
        } catch  where error.code == .noWorkspace { plugins = [] }
        let rules = StepRegistry.builtIn.rules(plugins: plugins)
        try call.output.show(
            SchemaReport(schema: CatalogSchema.document(rules)), text: CatalogSchema.text(rules))
        return .done
    }
}
