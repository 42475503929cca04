/// Verbs that execute batches.
extension Verb {
    public static let run = Verb(
        "run", "run a job of the catalog, or SQL of your own, as a batch",
        details: """
            Each step or chunk commits as one checkpoint together with its undo data. The first SIGINT or SIGTERM \
            stops at the next checkpoint (exit 130; go on with resume), the second aborts the open transaction. A job of \
            level 2 is carried out and undone on a copy first; one of level 3 makes a patch plan instead (exit 7).
            """,
        options: [
            .required("id", .text("JOB"), "the job of the catalog; or the name to give to --sql or --file"),
            .value("sql", .text("SQL"), "run these statements"),
            .value("file", .file("FILE"), "run the statements of this file"),
            .repeated("set", .pair("NAME=VALUE"), "set a parameter; may be repeated"),
            .repeated(
                "shared-table", .text("TABLE"),
                "a table without the tenant column that --sql or --file writes; may be repeated"),
            .flag("dry-run", "do it all, show the row-level changes, and discard them"),
            .value("key", .text("KEY"), "do nothing when a batch with this key has run already"),
            .flag("propose", "make a patch plan for a human to approve, and change nothing (exit 7)"),
            .value("expires", .text("SPAN"), "how long the plan may be applied, e.g. 12h or 7d (default: 7d)"),
        ],
        examples: [
            .init("batchmgr run --id reprice_invoices --tenant acme --set percent=2.5", "a job of the catalog"),
            .init(
                "batchmgr --db app.db run --id fix_prices --sql \"UPDATE products SET price = 9 WHERE id = 7\"",
                "any SQL on any database, without a workspace"),
        ])

    public static let resume = Verb(
        "resume", "go on with a stopped or failed batch from its last checkpoint",
        options: [batch("the batch, or a job for its latest one")],
        examples: [.init("batchmgr resume --id reprice_invoices.3", "go on where it stopped")])

    public static let stop = Verb(
        "stop", "ask a running batch to stop at its next checkpoint",
        options: [batch("the batch, or a job for its running one")],
        examples: [.init("batchmgr stop --id reprice_invoices.3", "it can be resumed later")])

    public static let rollback = Verb(
        "rollback", "undo a batch; what depended on it can be undone too, or run again",
        details: """
            Everything happens in one transaction, all or nothing, and is checked afterwards. The rollback is itself a \
            batch: it can be rolled back. Exit 4: dependents are live, or rows were changed since; exit 5: every record of \
            the batch is damaged. Nothing was done then.
            """,
        options: [
            .value("id", .text("BATCH"), "the batch, or a job for its latest live one"),
            .value(
                "mode", .choice(RollbackMode.allCases.map(\.rawValue)),
                "restrict refuses while dependents are live (default); cascade undoes them first; replay also runs them again; unconflicted undoes only rows that nobody touched since"
            ),
            .value("to", .number("N"), "undo back to checkpoint N of the batch"),
            .value(
                "source", .choice(RollbackSource.allCases.map(\.rawValue)),
                "which record to undo from (default: the first that verifies, in this order)"),
            .value(
                "on-conflict", .choice(ConflictPolicy.allCases.map(\.rawValue)),
                "what to do with rows that others changed: abort (default), keep them, or overwrite them; both are listed"
            ),
            .flag("include-reads", "batches that read what is undone are dependents too"),
            .flag("prove-reads", "as include-reads, but leave those that change the same on a copy without the batch"),
            .value("plan-out", .file("FILE"), "write what would be done, bound to the state of now, and do nothing"),
            .value("plan", .file("FILE"), "do what the plan says; refused when something has changed since"),
            .flag("dry-run", "do it all, verify, show it, and discard it"),
            .flag("without-compensation", "undo the data although a step outside the database cannot be undone"),
        ],
        examples: [
            .init("batchmgr rollback --id reprice_invoices", "the latest batch of the job"),
            .init("batchmgr rollback --id reprice_invoices.3 --mode cascade --dry-run", "what would be undone?"),
        ])

    static func batch(_ summary: String) -> Option { .required("id", .text("BATCH"), summary) }
}
