internal import BatchCore
internal import BatchEngine
internal import BatchLedger

extension Verb {
    public static let verify = Verb(
        "verify", "recheck digests, undo records and both copies of every restore point",
        details: """
            Exit 6 when anything is damaged, or the database file is lost; 9 when nothing is, but the database was changed outside any batch. Foreign \
            keys that point nowhere are a warning: the database may have had them before.
            """,
        options: [
            .value("id", .text("BATCH"), "only the records of this batch, or of a job's latest one").main,
            .flag("allow-drift", "changes outside any batch are a warning"),
            .flag("fast", "leave out what reads all rows, all undo blocks, all files or all git objects"),
        ],
        topic: .care, role: .viewer,
        trace: .check,
        examples: [
            .init("batchmgr --db app.db verify", "is everything as it was recorded?"),
            .init("batchmgr verify --id reprice_invoices.3", "can this batch still be undone and restored?"),
        ])

    public static let drill = Verb(
        "drill", "restore every restore point to scratch from both copies, and compare",
        details: """
            Digests are compared, and integrity_check and foreign_key_check run on each. The time that it took is noted \
            in the audit. Exit 6 when a copy does not come back as it was recorded.
            """,
        options: [
            .value("point", .text("POINT"), "only this point; named as for restore").main,
            .value("sample", .number("N"), "only N points, the newest among them"),
        ],
        topic: .care, role: .operator,
        examples: [
            .init("batchmgr drill --sample 5", "every night"), .init("batchmgr drill latest", "is the last one good?"),
        ])

    public static let certificateVerify = Verb(
        "certificate verify", "check the signed certificate of a rollback",
        details: """
            It needs nothing but the file, the public key and the database: the signature, the ledger, and the rows as \
            they are, back over later batches. Exit 6 when something is wrong.
            """,
        positionals: [Positional(.file("FILE"), "the certificate")],
        options: [.value("key", .file("FILE"), "the public key, PEM (default: signing.pub of the backups)")],
        topic: .care, role: .viewer,
        trace: .view,
        examples: [
            .init("batchmgr --db app.db certificate verify certificate_raise.1.json --key signing.pub", "by anybody")
        ])
}

extension Command {
    static let verify = Command(.verify) { (arguments, call) throws(BatchError) in
        let session: Session
        do throws(BatchError) {
            session = try call.view()
        } catch  where error.isLoss {
            let report = try call.lost(error).checks()
            try call.output.show(report)
            return report.exitCode
        }
        let isFast = arguments.has("fast")
        let batch = try arguments.value("id").map { (text) throws(BatchError) in try BatchReference(text) }
        var checks = try session.verify(batch, isFast: isFast).checks
        if !isFast, batch == nil {
            checks += try session.verifyAudit().checks
            checks += IntegrityChecks(connection: session.connection, kind: .whole).checks
        }
        let found = ChecksReport(checks: checks)
        let report = arguments.has("allow-drift") ? found.allowingDrift : found
        try call.output.show(report)
        return report.exitCode
    }

    static let drill = Command(.drill) { (arguments, call) throws(BatchError) in
        let sample = arguments.number("sample")
        if sample == 0 {
            throw BatchError(
                .usage, "--sample 0 would restore no point", hint: "restore all of them: \(command: "drill")")
        }
        try arguments.allowOne(of: ["point", "sample"])
        let point = try arguments.value("point").map { (text) throws(BatchError) in try PointReference(text) }
        call.endAtFirstSignal()
        let report = try Drill(try call.session()).perform(point, sample: sample)
        try call.output.show(report)
        return report.exitCode
    }

    static let certificateVerify = Command(.certificateVerify) { (arguments, call) throws(BatchError) in
        let verification = try CertificateVerification(try call.view(), file: arguments.positionals.first ?? "")
        let report = try verification.report(key: arguments.value("key"))
        try call.output.show(report)
        return report.exitCode
    }
}
