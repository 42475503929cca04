internal import BatchCatalog
internal import BatchCore
internal import BatchEngine

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
                return try dispatch(parsed, tool)
            }
        } catch {
            return fail(error, context(tool, globals))
        }
    }

    private func context(
        _ tool: Tool, _ globals: GlobalOptions, _ work: Context = .system()
    ) -> CommandContext {
        let terminal = Terminal(isPlain: globals.isPlain, isQuiet: globals.isQuiet, call: globals.call)
        return CommandContext(
            tool: tool, globals: globals, terminal: terminal,
            output: Output(
                isJSON: globals.isJSON, isQuiet: globals.isQuiet, terminal: terminal),
            work: work)
    }

    private func dispatch(_ parsed: ParsedArguments, _ tool: Tool) throws(BatchError) -> ExitCode {
        guard let command = Commands.all.first(where: { $0.verb == parsed.verb }) else {
            throw BatchError(.internalFault, "\(parsed.verb.name) has no command", hint: "report this as a defect")
        }
        let roles = try RoleCheck(parsed, context(tool, parsed.globals))
        var work = Context.system()
        work.action = parsed.verb.name
        work.tenant = parsed.globals.tenant
        work.call = parsed.globals.call
        let place = workspace(parsed, context(tool, parsed.globals, work))
        if parsed.verb.trace != .none, let place { work.log = Log(place, context: work) }
        let context = context(tool, parsed.globals, work)
        let record = CommandRecord(parsed, output: context.output, work: work)
        record.begin()
        do throws(BatchError) {
            try roles.require()
            let code = try command.run(parsed, in: context)
            record.end(code, nil, place ?? workspace(parsed, context))
            return code
        } catch {
            record.end(error.code.exitCode, error, place)
            throw error
        }
    }

    /// Where the call is recorded; nil without a workspace, and for a database that is not there: nothing is made beside
    /// a path that was mistyped.
    private func workspace(_ parsed: ParsedArguments, _ context: CommandContext) -> Workspace? {
        if parsed.verb.trace == .none { return nil }
        if parsed.verb == .initialize { return try? Workspace.load(parsed.globals.workspace ?? ".") }
        guard let workspace = try? context.workspace() else { return nil }
        if workspace.file != nil || workspace.hasRecords { return workspace }
        return parsed.verb.trace.makesFolder && workspace.hasDatabase ? workspace : nil
    }

    private func fail(_ error: BatchError, _ context: CommandContext) -> ExitCode {
        // The document of the error may fail as the output did: then the exit code alone tells.
        try? context.output.show(error)
        return error.code.exitCode
    }
}
