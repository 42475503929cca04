internal import BatchCore
internal import BatchEngine

enum PlanApplyCommand: Command {
    static let verb = Verb.planApply

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try PlanRequest(arguments)
        try context.output.show(
            try PatchPlans(try context.session()).apply(request.id))
        return .done
    }
}
