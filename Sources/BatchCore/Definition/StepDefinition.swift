/// One unit inside a job.
public struct StepDefinition: Hashable, Sendable {
    public var id: String
    public var kind: StepKind
    /// A query; the statements of a `sql` step run once for each of its rows, whose columns are bound by name.
    public var forEach: String?
    /// Rows of `forEach` per checkpoint; nil makes the whole step one checkpoint.
    public var chunk: Int?
    public var retry: RetryRule?
    /// How long one try may take; nil means without limit.
    public var timeout: Duration?
    /// The program, with its arguments, that takes back what an `exec` step did outside the database.
    public var undo: [String]?

    public init(
        id: String, kind: StepKind, forEach: String? = nil, chunk: Int? = nil, retry: RetryRule? = nil,
        timeout: Duration? = nil, undo: [String]? = nil
    ) {
        self.id = id
        self.kind = kind
        self.forEach = forEach
        self.chunk = chunk
        self.retry = retry
        self.timeout = timeout
        self.undo = undo
    }
}
