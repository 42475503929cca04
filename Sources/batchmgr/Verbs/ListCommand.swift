internal import BatchCore
internal import BatchEngine

enum ListCommand: Command {
    static let verb = Verb.list

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let session = try context.view()
        let tenant = session.database.tenancy == .file ? nil : context.globals.tenant
        try context.output.show(try session.list(ListRequest(arguments), tenant: tenant))
        return .done
    }
}
