internal import BatchCatalog
internal import BatchCore
internal import BatchEngine

extension Verb {
    public static let doctor = Verb(
        "doctor", "check machine, libraries and database, and say what to do",
        details: """
            Reads only. Without --db it checks the machine alone. The exit code is that of the first failed check: \
            2 when the file is missing or is not a database, 1 when it cannot be read, 6 when it is damaged. Warnings leave \
            it at 0.
            """,
        options: [.flag("fast", "leave out the checks that read the whole database")],
        topic: .care, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr --db app.db doctor", "is this database ready for batches?")])
}

extension Command {
    static let doctor = Command(.doctor) { (arguments, call) throws(BatchError) in
        let database = try call.examinedDatabase()
        let examination = Examination(
            database: database, home: database == nil ? nil : call.homeFolder, isFast: arguments.has("fast"))
        var report = examination.report()
        if database != nil {
            let more =
                call.placeChecks(isReadable: report.isOK) + (report.isOK ? call.policyChecks : []) + call.secretChecks
            report = ChecksReport(checks: report.checks + more)
        }
        try call.output.show(report)
        return report.exitCode
    }

}

extension Call {
    /// Of the copies of the database; nil when it is not known.
    fileprivate var homeFolder: String? {
        try? Session.homeReport(try workspace(), tenant: globals.tenant, context: work).folder
    }

    /// - Parameter isReadable: a file that cannot be read is told already.
    fileprivate func placeChecks(isReadable: Bool) -> [Check] {
        do throws(BatchError) {
            return try Session.placeChecks(try workspace(), tenant: globals.tenant, context: work)
        } catch {
            return isReadable ? [.failed("home", error)] : []
        }
    }

    /// Names in `batchmgr.yaml` that are of nothing; what cannot be asked is told already.
    fileprivate var policyChecks: [Check] {
        guard let session = try? view(), let mistakes = try? session.policyMistakes() else { return [] }
        return mistakes.map { mistake in
            .failed(
                "policy",
                BatchError(
                    .invalidConfiguration, mistake.message, hint: "correct \(Workspace.fileName): see docs/policy.md"))
        }
    }

    /// Webhooks that could not be signed.
    fileprivate var secretChecks: [Check] {
        guard let workspace = try? workspace() else { return [] }
        return workspace.secretMistakes(workspace.notify).map { mistake in
            .failed(
                "notify",
                BatchError(
                    .invalidConfiguration, mistake.message,
                    hint: "make one: head -c 32 /dev/urandom | base64 >\(ShellText.quoted(mistake.name))"))
        }
    }

    /// The database that is named, or that of the workspace around; nil when there is neither.
    fileprivate func examinedDatabase() throws(BatchError) -> String? {
        do throws(BatchError) {
            let definition = try workspace().database()
            if definition.tenancy != .file { return definition.path }
            return try globals.tenant.map { (tenant) throws(BatchError) in try definition.path(of: tenant) }
        } catch {
            guard error.code == .noWorkspace, globals.workspace == nil else { throw error }
            return nil
        }
    }
}
