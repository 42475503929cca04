internal import BatchCore

enum HelpCommand: Command {
    static let verb = Verb.help

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        guard arguments.has("markdown") else { return try show(arguments.positionals, in: context) }
        let text = CommandReference.markdown(context.tool)
        try context.output.show(HelpDocument(verbs: context.tool.verbs), text: text)
        return .done
    }

    /// - Parameter words: none for the tool; a group or a verb otherwise.
    static func show(_ words: [String], in context: CommandContext) throws(BatchError) -> ExitCode {
        let text = try HelpText.text(words, context.tool, width: context.terminal.width)
        let name = words.joined(separator: " ")
        let verbs = context.tool.verbs.filter { words.isEmpty || $0.name == name || $0.group == name }
        try context.output.show(HelpDocument(verbs: verbs), text: text)
        return .done
    }
}
