internal import BatchCore
internal import BatchEngine

enum EraseCommand: Command {
    static let verb = Verb.erase

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try EraseRequest(arguments)
        let report = try Erasure(try context.session()).perform(request) { (rows) throws(BatchError) in
            let what = "\(Figures.count(rows, "row")) of \(request.table)"
            return try Confirmation.ask("erase \(what) from all records, with no way back?", in: context)
        }
        try context.output.show(report)
        return .done
    }
}
