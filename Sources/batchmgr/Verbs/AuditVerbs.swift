public import BatchCore
public import BatchEngine

extension Verb {
    public static let auditList = Verb(
        "audit list", "list what was done, by whom, and how it ended",
        details: """
            Every action has a row, also one that was refused or failed: in the ledger of the database, or in \
            control.db when that is not possible. With --tenant only rows of that tenant.
            """,
        options: auditFilters + [.all],
        topic: .govern, role: .viewer,
        trace: .view,
        examples: [
            .init("batchmgr audit list --since 2026-11-21 --action rollback", "rollbacks of a day"),
            .init("batchmgr audit list --trace 7b0c… --json", "all that one command did"),
        ])

    public static let auditVerify = Verb(
        "audit verify", "check that no row of the audit was edited, removed, moved or rewritten",
        details: """
            Walks both chains from the first row to the last, and compares them with the signed heads in the commits of \
            the history. What was done, and to which row, is named. Exit 6 when something is wrong.
            """,
        options: [
            .repeated("key", .file("FILE"), "a public key, PEM, that heads may be signed with (default: signing.pub)")
        ],
        topic: .govern, role: .viewer,
        trace: .check,
        examples: [.init("batchmgr audit verify", "every night, and before an audit by others")])

    public static let auditExport = Verb(
        "audit export", "write the audit into a file, for others",
        details: """
            JSON lines, or CSV in which no text can be taken for a formula. The SHA-256 of the file is noted in the audit.
            """,
        options: [
            .required("format", .choice(["jsonl", "csv"]), "how to write it"),
            .required("to", .file("FILE"), "the file; it ends in .jsonl or .csv"),
        ] + auditFilters,
        topic: .govern, role: .viewer,
        trace: .check,
        examples: [.init("batchmgr audit export --format csv --to audit.csv", "for a spreadsheet")])

    private static let auditFilters: [Option] = [
        .value("id", .text("BATCH"), "only rows about this batch"),
        .value("trace", .text("TRACE"), "only rows of this command"),
        .value("actor", .text("NAME"), "only what this person did"),
        .value("action", .text("ACTION"), "only this action, e.g. run or rollback"),
        .value("since", .text("TIME"), "only from this time on, in UTC, e.g. 2026-11-21T02:00"),
        .value("limit", .number("N"), "the newest N rows"),
    ]
}

extension AuditFilter {
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments, tenant: String?) throws(BatchError) {
        self.init(tenant: tenant)
        batch = arguments.value("id")
        traceID = arguments.value("trace")
        actor = arguments.value("actor")
        action = arguments.value("action")
        since = arguments.value("since")
        limit = arguments.number("limit")
        try requireTime()
    }
}

extension Command {
    static let auditList = Command(.auditList) { (arguments, call) throws(BatchError) in
        let filter = try AuditFilter(arguments, tenant: call.globals.tenant)
        try call.output.show(try call.view().listAudit(filter, verbs: call.tool.verbs.map(\.name)))
        return .done
    }

    static let auditVerify = Command(.auditVerify) { (arguments, call) throws(BatchError) in
        let report = try call.view().verifyAudit(keys: arguments.values("key"))
        try call.output.show(report)
        return report.exitCode
    }

    static let auditExport = Command(.auditExport) { (arguments, call) throws(BatchError) in
        let filter = try AuditFilter(arguments, tenant: call.globals.tenant)
        guard let format: ExportFormat = try arguments.choice("format") else {
            throw .missing("--format FORMAT", of: arguments.verb)
        }
        let report = try call.view().exportAudit(filter, format: format, to: try arguments.required("to"))
        try call.output.show(
            report,
            text: "\(Figures.count(report.rows, "row")) in \(Printable.text(report.path))\nSHA-256 \(report.sha256)\n")
        return .done
    }
}
