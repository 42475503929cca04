internal import BatchCore
internal import BatchEngine

enum PlanListCommand: Command {
    static let verb = Verb.planList

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let status = arguments.value("status").flatMap { PlanStatus(rawValue: $0) }
        try context.output.show(try PatchPlans(try context.view()).list(status))
        return .done
    }
}
