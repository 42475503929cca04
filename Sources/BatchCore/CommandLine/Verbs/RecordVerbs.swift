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
}
