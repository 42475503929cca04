/// Verbs that look after the records.
extension Verb {
    public static let certificateVerify = Verb(
        "certificate verify", "check the signed certificate of a rollback",
        details: """
            It needs nothing but the file, the public key and the database: the signature, the ledger, and the rows as \
            they are, back over later batches. Exit 6 when anything does not hold.
            """,
        positionals: [Positional(.file("FILE"), "the certificate")],
        options: [.value("key", .file("FILE"), "the public key, PEM (default: signing.pub of the backups)")],
        trace: .view,
        examples: [
            .init("batchmgr --db app.db certificate verify certificate_raise.1.json --key signing.pub", "by anybody")
        ])

    public static let drill = Verb(
        "drill", "restore every restore point to scratch from both copies, and compare",
        details: """
            Digests are compared, and integrity_check and foreign_key_check run on each. The time that it took is noted \
            in the audit. Exit 6 when a copy does not come back as it was recorded.
            """,
        options: [.value("sample", .number("N"), "only N points, the newest among them")],
        examples: [.init("batchmgr drill --sample 5", "every night")])

    public static let historyCompact = Verb(
        "history compact", "merge the packs of the git history into one",
        details:
            "Each restore point is a pack of its own; many of them make git slow. No object and no commit changes.",
        examples: [.init("batchmgr history compact", "after some hundred batches")])

    public static let prune = Verb(
        "prune", "remove .bak files that a policy does not keep",
        details: """
            Commits and undo logs stay, so every batch can still be undone, and every point restored, from git. A file is \
            kept also when another one that is kept follows it, and when it is the last whole copy of its point. The \
            reason is printed for each.
            """,
        options: [
            .value("keep-last", .number("N"), "the N newest points"),
            .value("keep-daily", .number("N"), "the newest point of each of the last N days that have one"),
            .value("keep-weekly", .number("N"), "the same for weeks"),
            .value("keep-monthly", .number("N"), "the same for months"),
            .repeated("keep-tag", .text("NAME"), "points of this batch, job or git tag; NAME* for all that begin so"),
            .flag("dry-run", "only say what would be removed, and why the rest is kept"),
        ],
        examples: [
            .init("batchmgr prune --keep-last 10 --keep-daily 30 --keep-monthly 12 --dry-run", "what would go?")
        ])

    public static let erase = Verb(
        "erase", "remove rows from all records for good: undo log, .bak files, git history",
        details: """
            For personal data that must be forgotten. A row is meant when any version of it fits, and then all of its \
            versions go. History is rewritten: commits and .bak files get other names and digests, other rows keep \
            theirs. There is no way back, and a batch that wrote such rows is undone without them.
            """,
        options: [
            .required("table", .text("TABLE"), "the table"),
            .required("where", .text("SQL"), "one expression over its columns"),
            .value(
                "live", .choice(EraseRequest.Live.allCases.map(\.rawValue)),
                "rows that are in the table today: delete them (default), or keep them as a new restore point"),
            .flag("dry-run", "only say how many rows are meant"),
        ],
        examples: [
            .init("batchmgr erase --table customers --where \"email = 'ann@example.com'\"", "every trace of one person")
        ])
}
