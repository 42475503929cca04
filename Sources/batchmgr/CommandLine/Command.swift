public import BatchCore

/// A verb that can be called: its table, and what it does.
public protocol Command: SendableMetatype {
    static var verb: Verb { get }

    /// - Returns: the exit code; its report has been shown.
    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode
}
