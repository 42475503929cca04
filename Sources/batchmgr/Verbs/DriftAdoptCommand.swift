internal import BatchCore
internal import BatchEngine

enum DriftAdoptCommand: Command {
    static let verb = Verb.driftAdopt

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        try context.output.show(try DriftAdoption(try context.session()).perform())
        return .done
    }
}
