internal import BatchCore

/// One call of the tool, from its arguments to its exit code.
struct CommandLineRun {
    let arguments: [String]

    func execute() -> ExitCode {
        let tool = Commands.tool
        var globals = GlobalOptions()
        globals.isJSON = GlobalOptions.wantJSON(arguments)
        globals.isPlain = arguments.contains("--no-color")
        do throws(BatchError) {
            switch try ArgumentParser.parse(arguments, tool) {
            case .help(let words, let given):
                globals = given
                return try HelpCommand.show(words, in: context(tool, globals))
            case .run(let parsed):
                globals = parsed.globals
                return try dispatch(parsed, in: context(tool, globals))
            }
        } catch {
            return fail(error, context(tool, globals))
        }
    }

    private func context(_ tool: Tool, _ globals: GlobalOptions) -> CommandContext {
        let terminal = Terminal(isPlain: globals.isPlain, isQuiet: globals.isQuiet)
        return CommandContext(
            tool: tool, globals: globals, terminal: terminal,
            output: Output(
                isJSON: globals.isJSON, isQuiet: globals.isQuiet, terminal: terminal, database: globals.database))
    }

    private func dispatch(_ parsed: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        guard let command = Commands.all.first(where: { $0.verb == parsed.verb }) else {
            throw BatchError(.internalFault, "\(parsed.verb.name) has no command", hint: "report this as a defect")
        }
        try RoleCheck.require(parsed.verb, context)
        return try command.run(parsed, in: context)
    }

    private func fail(_ error: BatchError, _ context: CommandContext) -> ExitCode {
        // The document of the error may fail as the output did: then the exit code alone tells.
        try? context.output.show(error)
        return error.code.exitCode
    }
}
