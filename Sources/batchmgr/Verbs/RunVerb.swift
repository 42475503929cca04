internal import BatchCatalog
public import BatchCore
internal import BatchEngine

extension Verb {
    public static let run = Verb(
        "run", "run a job of the catalog, or SQL of your own, as a batch",
        details: """
            Each step or chunk commits as one checkpoint together with its undo data. The first SIGINT or SIGTERM \
            stops at the next checkpoint (exit 130; go on with resume), the second aborts the open transaction. A job of \
            level 2 is carried out and undone on a copy first; one of level 3 makes a patch plan instead (exit 7).
            """,
        options: [
            .required("id", .text("JOB"), "the job of the catalog; or the name to give to --sql or --file"),
            .value("sql", .text("SQL"), "run these statements"),
            .value("file", .file("FILE"), "run the statements of this file"),
            .repeated("set", .pair("NAME=VALUE"), "set a parameter; may be repeated"),
            .repeated(
                "shared-table", .text("TABLE"),
                "a table without the tenant column that --sql or --file writes; may be repeated"),
            .flag("dry-run", "do it all, show the row-level changes, and discard them"),
            .value("key", .text("KEY"), "do nothing when a batch with this key has run already"),
            .flag("propose", "make a patch plan for a human to approve, and change nothing (exit 7)"),
            .value("expires", .text("SPAN"), "how long the plan may be applied, e.g. 12h or 7d (default: 7d)"),
        ],
        role: .operator,
        examples: [
            .init("batchmgr run --id reprice_invoices --tenant acme --set percent=2.5", "a job of the catalog"),
            .init(
                "batchmgr --db app.db run --id fix_prices --sql \"UPDATE products SET price = 9 WHERE id = 7\"",
                "any SQL on any database, without a workspace"),
        ])
}

/// `run`
public struct RunRequest: Hashable, Sendable {
    public enum Source: Hashable, Sendable {
        case catalog
        case sql(String)
        case file(String)
    }

    public struct Parameter: Hashable, Sendable {
        public let name: String
        public let value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The job, also for SQL of one's own.
    public let job: String
    public let source: Source
    /// In the order given; names are unique.
    public let parameters: [Parameter]
    /// For SQL of one's own; a job of the catalog says it itself.
    public let sharedTables: [String]
    public let isDryRun: Bool
    public let key: String?
    /// Make a patch plan, whatever the level of the job.
    public let isProposal: Bool
    /// How long a plan may be applied; nil for the usual time.
    public let planLife: Duration?

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        job = try RunRequest.job(try arguments.required("id"))
        try arguments.allowOne(of: ["sql", "file"])
        if let sql = arguments.value("sql") {
            source = .sql(sql)
        } else {
            source = arguments.value("file").map { .file($0) } ?? .catalog
        }
        parameters = try RunRequest.parameters(arguments)
        sharedTables = arguments.values("shared-table")
        if source == .catalog, !sharedTables.isEmpty {
            throw .usage(
                "--shared-table goes with --sql or --file; a job says it itself: shared_tables", arguments.verb)
        }
        isDryRun = arguments.has("dry-run")
        key = arguments.value("key")
        try arguments.allowOne(of: ["dry-run", "propose"])
        isProposal = arguments.has("propose")
        planLife = try RunRequest.span(arguments)
    }

    private static func job(_ text: String) throws(BatchError) -> String {
        guard JobID.isValid(text) else {
            throw BatchError(.usage, "'\(text)' is not a name for a job", hint: "a name has \(JobID.rule)")
        }
        return text
    }

    /// Days, or a time as in a job.
    private static func span(_ arguments: ParsedArguments) throws(BatchError) -> Duration? {
        guard let text = arguments.value("expires") else { return nil }
        let days = text.hasSuffix("d") ? Int64(text.dropLast()) : nil
        if let days, (1...3_650).contains(days) { return .seconds(days * 86_400) }
        guard let span = Duration(text: text), span <= .seconds(3_650 * 86_400) else {
            throw .usage("--expires '\(text)' is no span of time like 12h or 7d", arguments.verb)
        }
        return span
    }

    private static func parameters(_ arguments: ParsedArguments) throws(BatchError) -> [Parameter] {
        var parameters: [Parameter] = []
        for pair in arguments.values("set") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let parameter = Parameter(name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : "")
            guard !parameters.contains(where: { $0.name == parameter.name }) else {
                throw .usage("parameter '\(parameter.name)' is set twice", arguments.verb)
            }
            parameters.append(parameter)
        }
        return parameters
    }
}

enum RunCommand: Command {
    static let verb = Verb.run

    static func run(_ arguments: ParsedArguments, _ call: Call) throws(BatchError) -> ExitCode {
        let request = try RunRequest(arguments)
        let workspace = try call.workspace()
        let assignments = request.parameters.map { "\($0.name)=\($0.value)" }
        let job = try job(request, workspace, assignments)
        let values = try ParameterValues(job, set: assignments)
        let session = try call.session(database: job.database)
        let runner = Runner(session)
        let tenant = call.globals.tenant
        if request.isDryRun {
            try call.output.show(try runner.preview(job, values, tenant: tenant))
            return .done
        }
        let order = RunOrder(
            job: job, values: values, tenant: tenant, key: request.key,
            suggestion: request.isProposal ? "\(session.context.actor) asked for a plan" : nil,
            planLife: request.planLife)
        switch try runner.submit(order) {
        case .ran(let report):
            try call.output.show(report)
            return .done
        case .planned(let plan):
            try call.output.show(plan)
            return .waitingForApproval
        }
    }

    private static func job(
        _ request: RunRequest, _ workspace: Workspace, _ assignments: [String]
    ) throws(BatchError) -> JobDefinition {
        switch request.source {
        case .catalog: return try workspace.loadCatalog(StepRegistry.builtIn.rules()).job(named: request.job)
        case .sql(let sql):
            return try JobDefinition.adHoc(
                id: request.job, sql: [sql], set: assignments, sharedTables: request.sharedTables,
                StepRegistry.builtIn.rules())
        case .file(let path):
            return try JobDefinition.adHoc(
                id: request.job, sql: [try TextFile.read(path)], set: assignments, sharedTables: request.sharedTables,
                StepRegistry.builtIn.rules())
        }
    }
}
