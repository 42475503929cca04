internal import BatchCore

enum VersionCommand: Command {
    static let verb = Verb.version

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        try context.output.show(VersionReport(), text: "batchmgr \(Tool.version)\n")
        return .done
    }
}
