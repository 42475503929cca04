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
