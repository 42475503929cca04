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
    }

    private static func job(_ text: String) throws(BatchError) -> String {
        guard JobID.isValid(text) else {
            throw BatchError(.usage, "'\(text)' is not a name for a job", hint: "a name has \(JobID.rule)")
        }
        return text
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
