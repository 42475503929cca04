internal import BatchCatalog
internal import BatchCore
internal import BatchEngine

enum DoctorCommand: Command {
    static let verb = Verb.doctor

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let examination = Examination(database: try database(context), isFast: arguments.has("fast"))
        let report = examination.report()
        try context.output.show(report)
        return report.exitCode
    }

    /// The database that is named, or that of the workspace around; nil when there is neither.
    private static func database(_ context: CommandContext) throws(BatchError) -> String? {
        do throws(BatchError) {
            let definition = try context.workspace().database()
            guard definition.tenancy == .file else { return definition.path }
            return try context.globals.tenant.map { (tenant) throws(BatchError) in try definition.path(of: tenant) }
        } catch {
            guard error.code == .noWorkspace, context.globals.workspace == nil else { throw error }
            return nil
        }
    }
}
