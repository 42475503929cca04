internal import BatchCore
internal import BatchEngine

enum GuardSetCommand: Command {
    static let verb = Verb.guardSet

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let mode = GuardMode(rawValue: try arguments.required("mode")) ?? .off
        try context.output.show(try GuardSetting(try context.session()).set(mode))
        return .done
    }
}
