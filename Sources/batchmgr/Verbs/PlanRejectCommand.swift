internal import BatchCore
internal import BatchEngine

enum PlanRejectCommand: Command {
    static let verb = Verb.planReject

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try PlanRequest(arguments)
        let reason = try arguments.required("reason")
        let plans = try PatchPlans(try context.session())
        try context.output.show(try plans.reject(request.id, because: reason, as: request.approver))
        return .done
    }
}
