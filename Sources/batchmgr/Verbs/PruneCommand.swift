internal import BatchCore
internal import BatchEngine

enum PruneCommand: Command {
    static let verb = Verb.prune

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let policy = try RetentionPolicy(arguments)
        let report = try Pruning(try context.session()).perform(policy, isDryRun: arguments.has("dry-run")) {
            (plan) throws(BatchError) in
            try Confirmation.ask("remove \(Figures.count(plan.removed.count, ".bak file")) for good?", in: context)
        }
        try context.output.show(report)
        return .done
    }
}
