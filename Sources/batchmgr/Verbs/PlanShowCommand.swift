internal import BatchCore
internal import BatchEngine

enum PlanShowCommand: Command {
    static let verb = Verb.planShow

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try PlanRequest(arguments)
        let plan = try PatchPlans(try context.view()).show(request.id)
        if let sql = request.sql {
            try context.output.show(plan, text: plan.sql(sql))
        } else {
            try context.output.show(plan)
        }
        return .done
    }
}
