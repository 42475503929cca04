/// One option of a verb, as data.
public struct Option: Hashable, Sendable {
    /// Without the dashes: `dry-run`.
    public let name: String
    /// Nil for a flag.
    public let argument: OptionArgument?
    public let summary: String
    public let isRequired: Bool
    /// May be given more than once.
    public let repeats: Bool

    private init(_ name: String, _ argument: OptionArgument?, _ summary: String, isRequired: Bool, repeats: Bool) {
        self.name = name
        self.argument = argument
        self.summary = summary
        self.isRequired = isRequired
        self.repeats = repeats
    }

    public static func flag(_ name: String, _ summary: String) -> Option {
        Option(name, nil, summary, isRequired: false, repeats: false)
    }

    public static func value(_ name: String, _ argument: OptionArgument, _ summary: String) -> Option {
        Option(name, argument, summary, isRequired: false, repeats: false)
    }

    public static func required(_ name: String, _ argument: OptionArgument, _ summary: String) -> Option {
        Option(name, argument, summary, isRequired: true, repeats: false)
    }

    public static func repeated(_ name: String, _ argument: OptionArgument, _ summary: String) -> Option {
        Option(name, argument, summary, isRequired: false, repeats: true)
    }

    /// `--set NAME=VALUE`
    public var usage: String { argument.map { "--\(name) \($0.placeholder)" } ?? "--\(name)" }
}
