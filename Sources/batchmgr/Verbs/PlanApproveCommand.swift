internal import BatchCore
internal import BatchEngine

enum PlanApproveCommand: Command {
    static let verb = Verb.planApprove

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try PlanRequest(arguments)
        let plans = try PatchPlans(try context.session())
        try context.output.show(try plans.approve(request.id, as: request.approver))
        return .done
    }
}
