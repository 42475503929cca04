internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchSystem
internal import Glibc

/// From the arguments of a call to its exit code.
struct CommandLineRun {
    let arguments: [String]
    /// False when bytes of them were no UTF-8.
    let isText: Bool

    func execute() -> ExitCode {
        let tool = Command.tool
        var globals = GlobalOptions()
        globals.isJSON = GlobalOptions.wantJSON(arguments)
        globals.isPlain = arguments.contains("--no-color")
        globals.adoptPlaces(of: arguments)
        do throws(BatchError) {
            guard isText else {
                throw BatchError(
                    .usage, "an argument is not UTF-8 text", hint: "read the value from a file: --set-file NAME=FILE")
            }
            switch try ArgumentParser.parse(arguments, tool) {
            case .help(let words, let given):
                globals = given
                return try Command.showHelp(words, Call(tool, globals))
            case .nothing(let given):
                globals = given
                return try answerNothing(tool, given)
            case .run(let parsed):
                globals = parsed.globals
                return try dispatch(parsed, tool)
            }
        } catch {
            // The document of the error may fail as the output did: then the exit code alone tells.
            try? Call(tool, globals).output.show(error)
            return error.code.exitCode
        }
    }

    /// Inside a workspace, how it is; elsewhere, help.
    private func answerNothing(_ tool: Tool, _ given: GlobalOptions) throws(BatchError) -> ExitCode {
        var globals = given
        globals.adopt { name in getenv(name).map { String(cString: $0) } }
        let workspace = try Call(tool, globals).workspaceIfAny()
        guard let workspace, workspace.hasDatabase || workspace.hasRecords else {
            return try Command.showHelp([], Call(tool, given))
        }
        return try dispatch(ParsedArguments(verb: .status, globals: given, positionals: [], values: [:]), tool)
    }

    private static let prefix = "BATCHMGR_"
    private static let variables = ["DB", "WORKSPACE", "ACTOR", "KEEP", "KILL_AT"].map { prefix + $0 }

    /// What is misspelt would be without effect, and nobody would see it.
    private func tellUnknownVariables(_ output: Output) {
        for name in Environment.names(beginning: CommandLineRun.prefix) where !CommandLineRun.variables.contains(name) {
            let near = Suggestion.clause(for: name, in: CommandLineRun.variables)
            output.tell(
                Warning(.unknownVariable, "the variable \(PlainText.oneLine(name)) means nothing to batchmgr\(near)"),
                "see which variables are read: docs/configuration.md")
        }
    }

    private func dispatch(_ parsed: ParsedArguments, _ tool: Tool) throws(BatchError) -> ExitCode {
        guard let command = Command.all.first(where: { $0.verb.name == parsed.verb.name }) else {
            throw BatchError(.internalFault, "\(parsed.verb.name) has no command", hint: "report this as a defect")
        }
        var globals = parsed.globals
        globals.adopt { name in getenv(name).map { String(cString: $0) } }
        // The workspace that is made is its own place.
        if parsed.verb.name == Verb.initialize.name { globals.database = nil }
        var call = Call(tool, globals, isAction: parsed.verb.trace.isAudited, limit: Option.limit(parsed))
        let roles = try RoleCheck(parsed, call)
        // Roles have settled who acts.
        call.work.actor = Context.system().actor
        call.work.action = parsed.verb.name
        let place = recordPlace(parsed, call)
        if parsed.verb.trace != .none, let place { call.work.log = Log(place, context: call.work) }
        let record = CommandRecord(parsed, output: call.output, work: call.work)
        record.begin()
        let output = call.output
        call.farewell = {
            let error = BatchError.ended(parsed.verb)
            try? output.show(error)
            record.end(.stopped, error, place)
        }
        do throws(BatchError) {
            try roles.require()
            tellUnknownVariables(output)
            defer { ProgressBar.shared.finish() }
            let code = try command.run(parsed, call)
            StopSignal.waitIfEnding()
            record.end(code, nil, place ?? recordPlace(parsed, call))
            return code
        } catch {
            // A signal has said, and recorded, how it ends.
            StopSignal.waitIfEnding()
            // What was done stays done when nobody could be told.
            if output.isLost, record.isDone {
                record.end(.pointPending, nil, place ?? recordPlace(parsed, call))
                try? output.show(error)
                return .pointPending
            }
            let mended = (try? call.workspaceIfAny()).flatMap(\.self).map { call.work.mended(error, of: $0) } ?? error
            record.end(mended.code.exitCode, mended, place)
            throw mended
        }
    }

    /// Where the call is recorded; nil without a workspace, and for a database that is not there: nothing is made
    /// beside a path that was mistyped.
    private func recordPlace(_ parsed: ParsedArguments, _ call: Call) -> Workspace? {
        if parsed.verb.trace == .none { return nil }
        if parsed.verb.name == Verb.initialize.name { return try? Workspace.load(call.globals.workspace ?? ".") }
        guard let workspace = try? call.workspace() else { return nil }
        if workspace.file != nil || workspace.hasRecords { return workspace }
        return parsed.verb.trace.makesFolder && workspace.hasDatabase ? workspace : nil
    }

    /// The one place where a verb is held against the roles of the workspace.
    struct RoleCheck {
        private let arguments: ParsedArguments
        /// Nil where there are no roles.
        private let gate: RoleGate?

        /// Call it before anything asks who acts.
        /// - Throws: `ERR_UX_INVALID_CONFIGURATION`.
        init(_ arguments: ParsedArguments, _ call: Call) throws(BatchError) {
            self.arguments = arguments
            guard arguments.verb.role != nil, let workspace = try call.workspaceIfAny()?.governing else {
                gate = nil
                return
            }
            // Who acts is not a matter of taste where it decides what may be done.
            unsetenv("BATCHMGR_ACTOR")
            gate = RoleGate(workspace, user: Context.system().actor)
        }

        /// - Throws: `ERR_SECURITY_ROLE`.
        func require() throws(BatchError) {
            guard let gate, let role = arguments.verb.role else { return }
            try gate.require(role, for: arguments.verb.name)
            if let name = arguments.value("as") { try gate.requireOwnName(name, for: arguments.verb.name) }
        }
    }
}

extension BatchError {
    /// A signal came in the middle of it.
    fileprivate static func ended(_ verb: Verb) -> BatchError {
        let rest: Hint =
            switch verb {
            case .erase: "run it again: it first finishes what it had begun, and then the rest"
            case .driftUndo:
                "run it again; what was kept as a batch by then is one: \(command: "list --job drift")"
            case .prune: "run it again for the rest; the files that are left can be used as before"
            default: "nothing was changed; run it again later"
            }
        return BatchError(.stopped, "\(verb.name) was stopped before it had finished", hint: rest)
    }
}
