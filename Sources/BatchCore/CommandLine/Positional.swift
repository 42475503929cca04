/// One argument that stands for itself, without an option name.
public struct Positional: Hashable, Sendable {
    public let argument: OptionArgument
    public let summary: String
    public let isRequired: Bool
    public let repeats: Bool

    public init(_ argument: OptionArgument, _ summary: String, isRequired: Bool = true, repeats: Bool = false) {
        self.argument = argument
        self.summary = summary
        self.isRequired = isRequired
        self.repeats = repeats
    }

    /// `SHELL`, `[VERB…]`
    public var usage: String {
        let name = argument.placeholder + (repeats ? "…" : "")
        return isRequired ? name : "[\(name)]"
    }
}
