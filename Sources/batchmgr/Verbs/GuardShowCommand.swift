internal import BatchCore
internal import BatchEngine

enum GuardShowCommand: Command {
    static let verb = Verb.guardShow

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        try context.output.show(try GuardSetting(try context.view()).report())
        return .done
    }
}
