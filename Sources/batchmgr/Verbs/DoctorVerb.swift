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
        let database = try database(call)
        let examination = Examination(
            database: database, home: database == nil ? nil : folder(call), isFast: arguments.has("fast"))
        var report = examination.report()
        if database != nil { report = ChecksReport(checks: report.checks + places(call, isReadable: report.isOK)) }
        try call.output.show(report)
        return report.exitCode
    }

    /// Of the copies of the database; nil when it is not known.
    private static func folder(_ call: Call) -> String? {
        try? Session.homeReport(try call.workspace(), tenant: call.globals.tenant, context: call.work).folder
    }

    /// - Parameter isReadable: a file that cannot be read is told already.
    private static func places(_ call: Call, isReadable: Bool) -> [Check] {
        do throws(BatchError) {
            return try Session.placeChecks(try call.workspace(), tenant: call.globals.tenant, context: call.work)
        } catch {
            return isReadable ? [.failed("home", error)] : []
        }
    }

    /// The database that is named, or that of the workspace around; nil when there is neither.
    private static func database(_ call: Call) throws(BatchError) -> String? {
        do throws(BatchError) {
            let definition = try call.workspace().database()
            if definition.tenancy != .file { return definition.path }
            return try call.globals.tenant.map { (tenant) throws(BatchError) in try definition.path(of: tenant) }
        } catch {
            guard error.code == .noWorkspace, call.globals.workspace == nil else { throw error }
            return nil
        }
    }
}
