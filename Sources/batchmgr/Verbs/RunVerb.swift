internal import BatchCatalog
public import BatchCore
internal import BatchEngine
internal import BatchHealing

extension Verb {
    public static let run = Verb(
        "run", "run a job of the catalog, or SQL of your own, as a batch",
        details: """
            Each step or chunk commits as one checkpoint together with its undo data. The first SIGINT or SIGTERM \
            stops at the next checkpoint (exit 130; continue with resume), or rolls the open one back when it is the last; the \
            second always does. Before the batch has begun, and in a dry run, the first one ends it at once. A job of \
            level 2 is carried out and undone on a copy first; one of level 3 makes a patch plan instead (exit 7). \
            A repair job runs as with heal run --apply: one batch for each tenant with something wrong.
            """,
        options: [
            .required("id", .text("JOB"), "the job of the catalog; or the name to give to --sql or --file").main,
            .value("sql", .text("SQL"), "run these statements; - reads them from standard input"),
            .value("file", .file("FILE"), "run the statements of this file; - for standard input"),
            .repeated("set", .pair("NAME=VALUE"), "set a parameter; may be repeated"),
            .repeated(
                "text", .pair("NAME=VALUE"),
                "set a parameter of --sql or --file as a text, also when it looks like a number"),
            .repeated("set-file", .pair("NAME=FILE"), "set a parameter to what is in this file; - for standard input"),
            .repeated(
                "shared-table", .text("TABLE"),
                "a table without the tenant column that --sql or --file writes; may be repeated"),
            .flag("dry-run", "do it all, show the row-level changes, and discard them (also: -n)"),
            .flag("all", "with --dry-run: show every row (default: 20)"),
            .flag(
                "new-tenant", "with --tenant: accept a tenant without rows, even if its name is nearly that of another"),
            .value("key", .text("KEY"), "do nothing when a batch with this key has run already"),
            .flag("anew", "run even though an earlier batch of the job is half done"),
            .flag("propose", "make a patch plan for a human to approve, and change nothing (exit 7)"),
            .value("expires", .text("SPAN"), "how long the plan may be applied, e.g. 12h or 7d (default: 7d)"),
        ],
        topic: .run, role: .operator,
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
        public enum Kind: String, Sendable {
            /// The narrowest type that keeps what was typed.
            case set
            case text
            /// The value is the path of a file.
            case file = "set-file"
        }

        public let name: String
        public let value: String
        public let kind: Kind

        public init(name: String, value: String, kind: Kind = .set) {
            self.name = name
            self.value = value
            self.kind = kind
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
    /// Also while an earlier batch of the job is half done.
    public let isAnew: Bool
    /// Make a patch plan, whatever the level of the job.
    public let isProposal: Bool
    /// How long a plan may be applied; nil for the usual time.
    public let planLife: Duration?

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        job = try RunRequest.job(try arguments.required("id"))
        try arguments.allowOne(of: ["sql", "file"])
        if let sql = arguments.value("sql") {
            source = sql == "-" ? .file(sql) : .sql(sql)
        } else {
            source = arguments.value("file").map { .file($0) } ?? .catalog
        }
        parameters = try RunRequest.parameters(arguments)
        sharedTables = arguments.values("shared-table")
        if source == .catalog, !sharedTables.isEmpty {
            throw .usage(
                "--shared-table goes with --sql or --file; a job declares it: shared_tables", arguments.verb)
        }
        isDryRun = arguments.has("dry-run")
        key = arguments.value("key")
        isAnew = arguments.has("anew")
        try arguments.allowOne(of: ["dry-run", "propose"])
        isProposal = arguments.has("propose")
        planLife = try RunRequest.span(arguments)
        let readers = parameters.filter { $0.kind == .file && $0.value == "-" }.count + (source == .file("-") ? 1 : 0)
        guard readers <= 1 else { throw .usage("standard input can be read once only", arguments.verb) }
    }

    private static func job(_ text: String) throws(BatchError) -> String {
        guard JobID.isValid(text) else {
            throw BatchError(.usage, "'\(text)' is not a name for a job", hint: "a name has \(JobID.rule)")
        }
        return text
    }

    private static func span(_ arguments: ParsedArguments) throws(BatchError) -> Duration? {
        guard let text = arguments.value("expires") else { return nil }
        guard let span = Duration(text: text), span <= .seconds(3_650 * 86_400) else {
            throw .usage("--expires '\(text)' is not a duration like 12h or 7d", arguments.verb)
        }
        return span
    }

    private static func parameters(_ arguments: ParsedArguments) throws(BatchError) -> [Parameter] {
        var parameters: [Parameter] = []
        let pairs = [Parameter.Kind.set, .text, .file].flatMap { kind in
            arguments.values(kind.rawValue).map { (kind, $0) }
        }
        for (kind, pair) in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let parameter = Parameter(
                name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : "", kind: kind)
            guard !parameters.contains(where: { $0.name == parameter.name }) else {
                throw .usage("parameter '\(parameter.name)' is set twice", arguments.verb)
            }
            parameters.append(parameter)
        }
        return parameters
    }
}

extension Command {
    static let run = Command(.run) { (arguments, call) throws(BatchError) in
        let request = try RunRequest(arguments)
        let workspace = try call.workspace()
        let assignments = try request.parameters.map { (parameter) throws(BatchError) in
            let isFile = parameter.kind == .file
            return "\(parameter.name)="
                + (isFile ? try TextFile.read(parameter.value, option: "set-file") : parameter.value)
        }
        let job = try request.definition(workspace, assignments)
        let values = try ParameterValues(job, set: assignments)
        if job.repair != nil {
            var repair = try call.repair(
                job, values, request.isDryRun ? .dryRun : request.isProposal ? .propose : .apply)
            (repair.key, repair.isAnew, repair.planLife) = (request.key, request.isAnew, request.planLife)
            if request.isDryRun { call.endAtFirstSignal() }
            return try call.show(repair)
        }
        call.endAtFirstSignal()
        let session = try call.session(
            database: job.database, tenant: arguments.has("new-tenant") ? .isNew : .isNotMisspelt)
        let runner = Runner(session)
        let tenant = call.globals.tenant
        if request.isDryRun {
            try call.output.show(try runner.preview(job, values, tenant: tenant, isAnew: request.isAnew))
            return .done
        }
        var order = RunOrder(
            job: job, values: values, tenant: tenant, key: request.key,
            suggestion: request.isProposal ? "\(session.context.actor) asked for a plan" : nil,
            planLife: request.planLife)
        order.isAnew = request.isAnew
        switch try runner.submit(order) {
        case .ran(let report):
            try call.output.show(report)
            return report.exitCode
        case .planned(let plan):
            try call.output.show(plan)
            return .waitingForApproval
        }
    }

}

extension RunRequest {
    fileprivate func definition(_ workspace: Workspace, _ assignments: [String]) throws(BatchError) -> JobDefinition {
        let texts = Set(parameters.filter { $0.kind != .set }.map(\.name))
        switch source {
        case .catalog: return try workspace.loadCatalog(StepRegistry.builtIn.rules()).job(named: job)
        case .sql(let sql):
            return try JobDefinition.adHoc(
                id: job, sql: [sql], set: assignments, texts: texts, sharedTables: sharedTables,
                StepRegistry.builtIn.rules())
        case .file(let path):
            return try JobDefinition.adHoc(
                id: job, sql: [try TextFile.read(path)], set: assignments, texts: texts,
                sharedTables: sharedTables, StepRegistry.builtIn.rules())
        }
    }
}
