public import BatchCore
public import BatchEngine

extension Verb {
    public static let initialize = Verb(
        "init", "set up a workspace: write batchmgr.yaml in the current folder",
        options: [
            .value(
                "database", .file("PATH"), "the SQLite file; with {tenant} in it for --tenancy file (also: --db PATH)"
            ).main,
            .value("tenancy", .choice(Tenancy.allCases.map(\.rawValue)), "how rows belong to tenants (default: none)"),
            .value("tenant-column", .text("NAME"), "the column that names the owner; for --tenancy column"),
        ],
        role: nil,
        trace: .workspace,
        examples: [
            .init("batchmgr init --database data/app.db", "one owner"),
            .init(
                "batchmgr init --database data/app.db --tenancy column --tenant-column tenant_id",
                "rows of many owners in one file"),
        ])

    public static let version = Verb("version", "print the version", role: nil, trace: .none)

    public static let completion = Verb(
        "completion", "print the completion script of a shell",
        details: """
            The scripts know verbs and options by themselves, and ask for names of jobs, batches, points, tables, tenants, \
            switches, plans, runbooks, incidents, releases, contracts, rules and modules with --names.
            """,
        positionals: [Positional(.choice(["bash", "zsh", "fish"]), "the shell", isRequired: false)],
        options: [
            .value(
                "names", .text("KIND"), "print names of this kind that may be completed, one a line, e.g. jobs")
        ],
        role: nil,
        trace: .none,
        examples: [
            .init("source <(batchmgr completion bash)", "in this shell"),
            .init("batchmgr completion fish > ~/.config/fish/completions/batchmgr.fish", "for good"),
        ])

    public static let help = Verb(
        "help", "show help for the tool or a verb",
        details: """
            With --json: the tables of verbs and options. With --markdown: docs/cli.md, which is written by it. With --man: \
            the page of man, which scripts/install puts in its place.
            """,
        positionals: [
            Positional(.text("VERB"), "the verb, e.g. run or catalog list", isRequired: false, repeats: true)
        ],
        options: [
            .flag("markdown", "print the reference of all verbs as Markdown"),
            .flag("man", "print it as a page for man"),
        ],
        role: nil,
        trace: .none,
        examples: [
            .init("batchmgr help rollback", "the options of one verb"),
            .init("batchmgr help --man > batchmgr.1", "a page for man"),
        ])
}

extension WorkspaceSetup.Request {
    /// - Throws: `ERR_UX_USAGE` when tenancy, column and path cannot be used together.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        // Before the verb, --database is the option that every verb takes.
        let globals = arguments.globals
        guard let database = arguments.value("database") ?? globals.database ?? globals.databaseName else {
            throw .missing("--database PATH", of: arguments.verb)
        }
        let column = arguments.value("tenant-column")
        let tenancy: Tenancy = try arguments.choice("tenancy") ?? (column == nil ? .none : .column)
        if tenancy == .column, column == nil {
            throw .missing("--tenant-column NAME for --tenancy column", of: arguments.verb)
        }
        if tenancy != .column, column != nil {
            throw .usage("--tenant-column does not go with --tenancy \(tenancy.rawValue)", arguments.verb)
        }
        let names = database.contains("{tenant}")
        guard names == (tenancy == .file) else {
            throw .usage(
                names
                    ? "a path with {tenant} needs --tenancy file"
                    : "--tenancy file needs a path with {tenant}, e.g. data/{tenant}.db", arguments.verb)
        }
        self.init(database: database, tenancy: tenancy, tenantColumn: column)
    }
}

extension Command {
    static let initialize = Command(.initialize) { (arguments, call) throws(BatchError) in
        let setup = WorkspaceSetup(
            folder: call.globals.workspace ?? ".", request: try WorkspaceSetup.Request(arguments), context: call.work)
        try call.output.show(try setup.perform())
        return .done
    }

    static let version = Command(.version) { (_, call) throws(BatchError) in
        try call.output.show(VersionReport(), text: "batchmgr \(VersionReport.version)\n")
        return .done
    }

    static let completion = Command(.completion) { (arguments, call) throws(BatchError) in
        if let text = arguments.value("names") {
            let kinds = Candidates.allCases.map(\.rawValue)
            // values:SWITCH are those of one switch.
            let words = text.split(separator: ":", maxSplits: 1).map(String.init)
            guard let kind = Candidates(rawValue: words.first ?? ""), words.count == 1 || kind == .values else {
                throw .unknown("kind of names", text, among: kinds, hint: "one of: \(kinds.joined(separator: ", "))")
            }
            // A shell that asks has no place for an error.
            let workspace = try? call.workspaceIfAny()
            let names =
                workspace.map { kind.list(in: $0, tenant: call.globals.tenant, of: words.dropFirst().first) } ?? []
            try call.output.show(NamesReport(names: names), text: names.map { $0 + "\n" }.joined())
            return .done
        }
        guard let shell = arguments.positionals.first else { throw .missing("bash|zsh|fish", of: arguments.verb) }
        let script =
            switch shell {
            case "bash": BashCompletion.script(call.tool)
            case "zsh": ZshCompletion.script(call.tool)
            default: FishCompletion.script(call.tool)
            }
        try call.output.show(CompletionReport(shell: shell, script: script), text: script)
        return .done
    }

    static let help = Command(.help) { (arguments, call) throws(BatchError) in
        try arguments.allowOne(of: ["markdown", "man"])
        guard arguments.has("markdown") || arguments.has("man") else {
            return try showHelp(arguments.positionals, call)
        }
        let text = arguments.has("man") ? ManualPage.text(call.tool) : CommandReference.markdown(call.tool)
        try call.output.show(HelpDocument(verbs: call.tool.verbs), text: text)
        return .done
    }

    /// - Parameter words: none for the tool; a group or a verb otherwise.
    static func showHelp(_ words: [String], _ call: Call) throws(BatchError) -> ExitCode {
        let text = try HelpText.text(words, call.tool, width: call.terminal.width)
        let name = words.joined(separator: " ")
        let verbs = call.tool.verbs.filter { words.isEmpty || $0.name == name || $0.group == name }
        try call.output.show(HelpDocument(verbs: verbs), text: text)
        return .done
    }
}
