/// Verbs about the tool and the machine.
extension Verb {
    public static let version = Verb("version", "print the version", trace: .none)

    public static let help = Verb(
        "help", "show help for the tool or a verb",
        details: "With --json: the tables of verbs and options. With --markdown: docs/cli.md, which is written by it.",
        positionals: [
            Positional(.text("VERB"), "the verb, e.g. run or catalog list", isRequired: false, repeats: true)
        ],
        options: [.flag("markdown", "print the reference of all verbs as Markdown")],
        trace: .none,
        examples: [.init("batchmgr help rollback", "the options of one verb")])

    public static let completion = Verb(
        "completion", "print the completion script of a shell",
        positionals: [Positional(.choice(["bash", "zsh", "fish"]), "the shell")],
        trace: .none,
        examples: [
            .init("source <(batchmgr completion bash)", "in this shell"),
            .init("batchmgr completion fish > ~/.config/fish/completions/batchmgr.fish", "for good"),
        ])

    public static let doctor = Verb(
        "doctor", "check machine, libraries and database, and say what to do",
        details: """
            Reads only. Without --db it checks the machine alone. The exit code is that of the first failed check: \
            2 when the file is missing or no database, 1 when it cannot be read, 6 when it is damaged. Warnings leave \
            it at 0.
            """,
        options: [.flag("fast", "leave out the checks that read the whole database")],
        trace: .view,
        examples: [.init("batchmgr --db app.db doctor", "is this database ready for batches?")])

    public static let initialize = Verb(
        "init", "set up a workspace: write batchmgr.yaml in the current folder",
        options: [
            .required("database", .file("PATH"), "the SQLite file; with {tenant} in it for --tenancy file"),
            .value("tenancy", .choice(Tenancy.allCases.map(\.rawValue)), "how rows belong to tenants (default: none)"),
            .value("tenant-column", .text("NAME"), "the column that names the owner; for --tenancy column"),
        ],
        trace: .workspace,
        examples: [
            .init("batchmgr init --database data/app.db", "one owner"),
            .init(
                "batchmgr init --database data/app.db --tenancy column --tenant-column tenant_id",
                "rows of many owners in one file"),
        ])
}
