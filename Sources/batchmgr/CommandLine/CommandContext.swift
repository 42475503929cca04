public import BatchCore

/// What a verb is given beside its own arguments.
public struct CommandContext {
    public let tool: Tool
    public let globals: GlobalOptions
    public let terminal: Terminal
    public let output: Output
}
