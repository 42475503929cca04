internal import BatchCatalog
internal import BatchCore
internal import BatchEngine

extension Verb {
    public static let doctor = Verb(
        "doctor", "check machine, libraries and database, and say what to do",
        details: """
            Reads only. Without --db it checks the machine alone. The exit code is that of the first failed check: \
            2 when the file is missing or no database, 1 when it cannot be read, 6 when it is damaged. Warnings leave \
            it at 0.
            """,
        options: [.flag("fast", "leave out the checks that read the whole database")],
        topic: .care, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr --db app.db doctor", "is this database ready for batches?")])
}

enum DoctorCommand: Command {
    static let verb = Verb.doctor

    static func run(_ arguments: ParsedArguments, _ call: Call) throws(BatchError) -> ExitCode {
        let (database, home) = try database(call)
        let examination = Examination(database: database, home: home, isFast: arguments.has("fast"))
        var report = examination.report()
        if let workspace = try call.workspaceIfAny(), let home = try? Self.home(of: workspace, call) {
            report = ChecksReport(checks: report.checks + [home])
        }
        try call.output.show(report)
        return report.exitCode
    }

    private static func home(of workspace: Workspace, _ call: Call) throws(BatchError) -> Check {
        try Session.homeReport(workspace, tenant: call.globals.tenant, context: call.work).check
    }

    /// The database that is named, or that of the workspace around, and its home; nil when there is neither.
    private static func database(_ call: Call) throws(BatchError) -> (database: String?, home: String?) {
        do throws(BatchError) {
            let workspace = try call.workspace()
            let definition = try workspace.database()
            guard definition.tenancy == .file else { return (definition.path, workspace.backups) }
            guard let tenant = call.globals.tenant else { return (nil, nil) }
            return (try definition.path(of: tenant), "\(workspace.backups)/tenants/\(tenant)")
        } catch {
            guard error.code == .noWorkspace, call.globals.workspace == nil else { throw error }
            return (nil, nil)
        }
    }
}
