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
}
