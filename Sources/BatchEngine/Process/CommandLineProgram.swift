/// A program to start, without a shell: nothing in an argument is ever expanded.
public struct CommandLineProgram: Sendable, Equatable {
    /// The program, then its arguments. A program with a `/` is looked up from `folder`, any other one in `PATH`.
    public var arguments: [String]
    /// Variables given to the program beside the few that it inherits (`inherited`).
    public var environment: [String: String]
    /// The folder it runs in.
    public var folder: String
    /// Milliseconds until it is ended; nil for no limit.
    public var timeout: Int64?
    /// Milliseconds between the polite signal (SIGTERM) and the last one (SIGKILL).
    public var grace: Int64
    /// Bytes kept of each output; of more, only the end is kept.
    public var outputLimit: Int

    /// A program sees these of our own variables and no others: what else is in there may be secret.
    public static let inherited = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"]

    public init(
        arguments: [String], environment: [String: String] = [:], folder: String, timeout: Int64? = nil,
        grace: Int64 = 5_000, outputLimit: Int = 1 << 20
    ) {
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
        self.timeout = timeout
        self.grace = grace
        self.outputLimit = outputLimit
    }

    /// The name for messages.
    public var name: String { arguments.first ?? "" }
}
