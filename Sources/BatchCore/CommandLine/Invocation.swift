/// What a command line asks for.
public enum Invocation: Hashable, Sendable {
    case run(ParsedArguments)
    /// Help for the tool (no words), a group or a verb.
    case help(words: [String], GlobalOptions)
}
