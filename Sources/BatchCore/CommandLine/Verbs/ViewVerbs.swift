/// Verbs that look at batches.
extension Verb {
    public static let list = Verb(
        "list", "list batches, the latest first",
        options: [
            .value("job", .text("JOB"), "only batches of this job"),
            .value("status", .choice(BatchStatus.allCases.map(\.rawValue)), "only batches in this state"),
            .value("limit", .number("N"), "at most N batches"),
        ],
        trace: .view,
        examples: [.init("batchmgr list --status failed --limit 10", "the last failures")])

    public static let show = Verb(
        "show", "show one batch: checkpoints, dependents, restore point",
        options: [batch("the batch, or a job for its latest one")],
        trace: .view,
        examples: [.init("batchmgr show --id reprice_invoices.3", "one batch in full")])

    public static let graph = Verb(
        "graph", "show what depends on a batch, and why",
        options: [
            batch("the batch, or a job for its latest one"),
            .value("format", .choice(GraphFormat.allCases.map(\.rawValue)), "how to print it (default: text)"),
        ],
        trace: .view,
        examples: [.init("batchmgr graph --id import_index.1 --format dot | dot -Tsvg > graph.svg", "as a picture")])

    public static let diff = Verb(
        "diff", "show row-level changes of a batch, or between two restore points",
        details: "A point is a batch (the state after it), BATCH^ (the state before it), a tag or a commit.",
        positionals: [
            Positional(.text("P1"), "the older point", isRequired: false),
            Positional(.text("P2"), "the newer point", isRequired: false),
        ],
        options: [
            .value("id", .text("BATCH"), "the changes of this batch"),
            .flag("stat", "only how many rows of which table"),
            .value("table", .text("TABLE"), "only this table"),
            .flag("sql", "as SQL statements"),
        ],
        trace: .view,
        examples: [
            .init("batchmgr diff --id reprice_invoices.3 --table invoices", "what a batch did to one table"),
            .init("batchmgr diff import_index.1^ reprice_invoices.3 --stat", "between two points"),
        ])

    public static let blame = Verb(
        "blame", "show who set each column of a row, when, and from what",
        details: """
            A value that a rollback brought back is that of whoever set it first. Changes outside any batch are shown as \
            drift, as far as the restore points tell them. A row that is gone is shown as it was last.
            """,
        options: [
            .required("table", .text("TABLE"), "the table"),
            .required(
                "key", .text("KEY"),
                "the value of its primary key or its rowid; a JSON list for a key of several columns"
            ),
        ],
        trace: .view,
        examples: [
            .init("batchmgr blame --table invoices --key 42", "who wrote this row?"),
            .init("batchmgr blame --table lines --key '[42, \"a\"]' --json", "a key of two columns, for scripts"),
        ])

    public static let points = Verb(
        "points", "list restore points",
        trace: .view,
        examples: [.init("batchmgr points --json", "for scripts")])

    public static let verify = Verb(
        "verify", "recheck digests, undo records and both copies of every restore point",
        details: """
            Exit 6 when anything is damaged or was changed outside a batch. Foreign keys that point nowhere are a \
            warning: databases arrive with them.
            """,
        options: [
            .value("id", .text("BATCH"), "only the records of this batch, or of a job's latest one"),
            .flag("fast", "leave out what reads all rows, all undo blocks, all files or all git objects"),
        ],
        trace: .check,
        examples: [
            .init("batchmgr --db app.db verify", "is everything as it was recorded?"),
            .init("batchmgr verify --id reprice_invoices.3", "can this batch still be undone and restored?"),
        ])

    public static let restore = Verb(
        "restore", "rebuild the database at a restore point, or bring back some of its rows",
        details: """
            The .bak copy is used when it verifies, else git; the result has the recorded digest. A new file can be made \
            also when the database itself is lost. In place it is a batch of its own, and can be rolled back. Exit 5: \
            no copy of the point verifies; exit 6: the result would not have the recorded digest. Nothing is left \
            behind then. With --table the rows that the point has are put back as they were, as a batch too; rows that \
            are newer, and all other tables, stay as they are.
            """,
        options: [
            .required("point", .text("POINT"), "a batch (the state after it), BATCH^ (before it), a tag or a commit"),
            .value("to", .file("FILE"), "write a new database file"),
            .flag("in-place", "change the database back to that state"),
            .value("table", .text("TABLE"), "bring back rows of this table alone"),
            .value("where", .text("EXPRESSION"), "with --table: only rows of the point for which this SQL is true"),
            .value(
                "source", .choice(RestoreSource.allCases.map(\.rawValue)),
                "which copy to use (default: the first that verifies)"),
        ],
        examples: [
            .init("batchmgr restore --point reprice_invoices.3^ --to before.db", "the state before a batch"),
            .init("batchmgr restore --point import_index.1 --in-place", "go back, undoably"),
            .init(
                "batchmgr restore --point import_index.1 --table invoices --where \"customer_id = 7\"",
                "bring back some rows, undoably"),
        ])
}
