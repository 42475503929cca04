/// Verbs about what was done: the audit and the log.
extension Verb {
    public static let auditList = Verb(
        "audit list", "list what was done, by whom, and how it ended",
        details: """
            Every action has a row, also one that was refused or failed: in the ledger of the database, or in control.db \
            when that could not be. With --tenant only rows of that tenant.
            """,
        options: auditFilters,
        trace: .view,
        examples: [
            .init("batchmgr audit list --since 2026-11-21 --action rollback", "rollbacks of a day"),
            .init("batchmgr audit list --trace 7b0c… --json", "all that one command did"),
        ])

    public static let auditVerify = Verb(
        "audit verify", "check that no row of the audit was edited, removed, moved or rewritten",
        details: """
            Walks both chains from the first row to the last, and compares them with the signed heads in the commits of \
            the history. What was done, and to which row, is named. Exit 6 when anything does not hold.
            """,
        options: [
            .repeated("key", .file("FILE"), "a public key, PEM, that heads may be signed with (default: signing.pub)")
        ],
        trace: .check,
        examples: [.init("batchmgr audit verify", "every night, and before an audit by others")])

    public static let auditExport = Verb(
        "audit export", "write the audit into a file, for others",
        details: """
            JSON lines, or CSV in which no text is taken for a formula. The SHA-256 of the file stands in the audit.
            """,
        options: [
            .required("format", .choice(["jsonl", "csv"]), "how to write it"),
            .required("to", .file("FILE"), "the file; it ends in .jsonl or .csv"),
        ] + auditFilters,
        trace: .check,
        examples: [.init("batchmgr audit export --format csv --to audit.csv", "for a spreadsheet")])

    public static let logs = Verb(
        "logs", "show the structured log",
        details: """
            Text for people; with --json the lines as they are. Older files of the log are read too. --follow, or -f, goes \
            on with what is appended, until it is interrupted.
            """,
        options: [
            .flag("follow", "go on with what is appended (also: -f)"),
            .value("trace", .text("TRACE"), "only lines of this command"),
            .value("level", .choice(LogLevel.allCases.map(\.rawValue)), "only this level and those above it"),
            .value("lines", .number("N"), "the last N lines (default: \(LogsRequest.defaultCount), or all of a trace)"),
        ],
        trace: .none,
        examples: [
            .init("batchmgr logs -f --level warn", "what goes wrong, as it happens"),
            .init("batchmgr logs --trace 7b0c…", "one command from its first line to its last"),
        ])

    private static let auditFilters: [Option] = [
        .value("id", .text("BATCH"), "only rows about this batch"),
        .value("trace", .text("TRACE"), "only rows of this command"),
        .value("actor", .text("NAME"), "only what this person did"),
        .value("action", .text("ACTION"), "only this action, e.g. run or rollback"),
        .value("since", .text("TIME"), "only from this time on, in UTC, e.g. 2026-11-21T02:00"),
        .value("limit", .number("N"), "the newest N rows"),
    ]
}
