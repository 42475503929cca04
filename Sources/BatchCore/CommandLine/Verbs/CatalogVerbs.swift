/// Verbs about the definitions of jobs.
extension Verb {
    public static let catalogList = Verb("catalog list", "list the jobs of the catalog", trace: .view)

    public static let catalogShow = Verb(
        "catalog show", "show one job: steps, parameters, needs",
        options: [.required("id", .text("JOB"), "the job")],
        trace: .view,
        examples: [.init("batchmgr catalog show --id reprice_invoices", "one job in full")])

    public static let catalogValidate = Verb(
        "catalog validate", "check every file of the catalog and show all errors",
        positionals: [Positional(.file("FILE"), "check only these files", isRequired: false, repeats: true)],
        trace: .view,
        examples: [.init("batchmgr catalog validate", "exit 2 when anything is wrong")])

    public static let catalogSchema = Verb(
        "catalog schema", "print the JSON Schema of a job",
        trace: .none,
        examples: [.init("batchmgr catalog schema > catalog/schema.json", "for editors")])
}
