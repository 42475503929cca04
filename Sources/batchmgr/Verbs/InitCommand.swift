internal import BatchCore
internal import BatchEngine

enum InitCommand: Command {
    static let verb = Verb.initialize

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let setup = WorkspaceSetup(
            folder: context.globals.workspace ?? ".", request: try InitRequest(arguments), context: context.work)
        try context.output.show(try setup.perform())
        return .done
    }
}
