public import BatchCore
public import BatchEngine

/// What a verb is given beside its own arguments.
public struct CommandContext {
    public let tool: Tool
    public let globals: GlobalOptions
    public let terminal: Terminal
    public let output: Output
    /// What the engine works with: one trace id, and the log, for everything that this call does.
    public let work: Context
}
