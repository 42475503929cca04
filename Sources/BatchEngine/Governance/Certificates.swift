public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// A certificate of a rollback with its signature, as it lies in a file.
struct SignedCertificate {
    static let format = "batchmgr certificate 1"

    /// What is signed: the text of this value, written compactly.
    let body: JSONValue
    let key: PublicKey
    let signature: [UInt8]

    /// The members of a body, in their order: what is not known here would be passed over by whoever reads it.
    private static let members = [
        "format", "database_id", "database", "batch", "rollback", "checkpoint", "mode", "source", "records_not_used",
        "order", "undone_checkpoints", "actor", "trace_id", "finished_at", "state_before", "state_after", "tables",
        "digests_match", "verify_passed", "foreign_keys_ok", "restore_point",
    ]

    private static func isWhole(_ body: JSONValue) -> Bool {
        body.members?.map(\.key) == members && body["format"]?.string == format
    }

    private static func bytes(_ body: JSONValue) -> [UInt8] { Array(JSONWriter.text(body).utf8) }

    init(signing body: JSONValue, with key: SigningKey) throws(BatchError) {
        self.body = body
        self.key = key.publicKey
        signature = try key.sign(SignedCertificate.bytes(body))
    }

    var text: String {
        let document: JSONValue = [
            "certificate": body, "public_key": .string(Hex.string(key.bytes)),
            "signature": .string(Hex.string(signature)),
        ]
        return JSONWriter.text(document, indented: true) + "\n"
    }

    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when the file is no certificate.
    init(file path: String) throws(BatchError) {
        let bytes = try DurableFile.read(path)
        guard let document = try? JSONParser.parse(String(decoding: bytes, as: UTF8.self), refusingRepeats: true),
            document.members?.map(\.key) == ["certificate", "public_key", "signature"],
            let body = document["certificate"], SignedCertificate.isWhole(body),
            let key = document["public_key"]?.string.flatMap({ Hex.bytes($0) }).flatMap({ PublicKey(bytes: $0) }),
            let signature = document["signature"]?.string.flatMap({ Hex.bytes($0) })
        else {
            throw BatchError(
                .corruptRecord, "\(path) is not a certificate, or is damaged",
                hint: "the certificates of rollbacks are in reports: certificate_BATCH_TIME.json")
        }
        self.body = body
        self.key = key
        self.signature = signature
    }

    /// The key that the file names beside the signature must be this one too.
    func isSigned(with key: PublicKey) -> Bool {
        key.bytes == self.key.bytes && key.verifies(signature, of: SignedCertificate.bytes(body))
    }
}

extension Session {
    /// The certificates of the rollbacks of a batch that lie in the reports, the oldest first.
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`.
    public func certificates(of batch: BatchReference) throws(BatchError) -> CertificateListReport {
        let batch = try show(batch).summary.batch
        let folder = backups + "/reports"
        var certificates: [JSONValue] = []
        for name in try Folder.names(in: folder) where name.hasPrefix("certificate_\(batch)_") {
            let text = String(decoding: try DurableFile.read("\(folder)/\(name)"), as: UTF8.self)
            if let document = try? JSONParser.parse(text, refusingRepeats: true) { certificates.append(document) }
        }
        return CertificateListReport(batch: batch, certificates: certificates)
    }
}

/// The certificates of a batch, as they were signed.
public struct CertificateListReport: Report, Hashable {
    public let batch: BatchID
    public let certificates: [JSONValue]

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("batch", .string(batch.description)), .init("certificates", .array(certificates))]
    }
}

/// Checks a certificate against a public key and the database: what it says happened, and its effect still stands.
public struct CertificateVerification {
    private let session: Session
    private let file: String
    private let certificate: SignedCertificate

    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_DATA_CORRUPT_RECORD`.
    public init(_ session: Session, file: String) throws(BatchError) {
        self.session = session
        self.file = file
        certificate = try SignedCertificate(file: file)
    }

    /// - Parameter key: a file; nil for the key of the workspace.
    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_UX_USAGE`. What does not hold is a check that failed.
    public func report(key: String?) throws(BatchError) -> ChecksReport {
        let keys =
            if let key { [try PublicKey(file: key)] } else { try SigningKey.publicKeys(ofFolder: session.backups) }
        let body = certificate.body
        guard let known = keys.first(where: certificate.isSigned) else {
            let isWhole = certificate.isSigned(with: certificate.key)
            let detail =
                isWhole ? "it was signed with another key" : "the signature does not match: the file was changed"
            return ChecksReport(checks: [failed("signature", detail)])
        }
        var checks: [Check] = [.passed("signature", "Ed25519, by the key \(Hex.string(known.bytes).prefix(16))…")]
        try session.reading { () throws(BatchError) in
            guard try session.ledger.exists(), try isOfThisDatabase(body["database_id"]?.string)
            else {
                checks.append(failed("database", "the certificate belongs to another database"))
                return
            }
            checks.append(.passed("database", session.path))
            checks.append(try ledgerCheck(body))
            checks.append(try stateCheck(body))
        }
        return ChecksReport(checks: checks)
    }

    /// A copy has an id of its own, and its audit knows the one before: what was done before the copy was made holds for it.
    private func isOfThisDatabase(_ id: String?) throws(BatchError) -> Bool {
        guard let id else { return false }
        if try session.ledger.meta("database_id") == id { return true }
        let sql = "SELECT details FROM main.batchmgr_audit WHERE action = 'home' AND outcome = 'copied'"
        return try session.connection.rows(sql).contains { row in
            row[0].string.flatMap { try? JSONParser.parse($0) }?["former"]?.string == id
        }
    }

    private func failed(_ name: String, _ what: String) -> Check {
        .failed(
            name,
            BatchError(
                .verificationFailed, what, hint: "see what the records say: \(command: "verify"), \(command: "list")"))
    }

    /// What the ledger says of the rollback.
    private func ledgerCheck(_ body: JSONValue) throws(BatchError) -> Check {
        let ledger = session.ledger
        let name = body["rollback"]?.string ?? ""
        guard let id = BatchID(name), let batch = try ledger.batch(id), batch.traceID == body["trace_id"]?.string else {
            return failed("ledger", "it has no rollback \(name) that matches this certificate")
        }
        let undone = body["undone_checkpoints"]?.array?.compactMap(\.integer) ?? []
        let checkpoint = body["checkpoint"]?.integer ?? 0
        guard batch.digestBefore?.description == body["state_before"]?.string,
            batch.digestAfter?.description == body["state_after"]?.string,
            try ledger.checkpoints(of: batch.seq).last?.id == checkpoint
        else { return failed("ledger", "\(name) is recorded with other state digests") }
        let live = try ledger.checkpoints(where: "id = ?", [.integer(checkpoint)]).first?.isLive ?? false
        guard live else { return failed("ledger", "\(name) was rolled back itself, so its batch is back") }
        for id in undone {
            let record = try ledger.checkpoints(where: "id = ?", [.integer(id)]).first
            guard record?.undoneBy == checkpoint else {
                return failed("ledger", "checkpoint \(id) is not recorded as undone by \(name)")
            }
        }
        return .passed("ledger", "\(name) undid \(Counted.text(undone.count, "checkpoint")), with the same digests")
    }

    /// Computed from the rows of today, back over every later checkpoint.
    private func stateCheck(_ body: JSONValue) throws(BatchError) -> Check {
        let later = try session.ledger.checkpoints(where: "id > ?", [.integer(body["checkpoint"]?.integer ?? 0)])
        var then = StateDigest()
        let schema = SchemaReader(session.connection)
        let tables = body["tables"]?.array ?? []
        for name in tables.compactMap({ $0["name"]?.string }) {
            guard let layout = try schema.layout(named: name), layout.name == name else { continue }
            then.tables[name] = try StateDigest.compute(layout, session.connection)
        }
        then = try then.subtracting(later.map(\.id), session.ledger)
        for table in tables where table["exempt"]?.bool != true {
            let name = table["name"]?.string ?? ""
            let found = then.tables[name] ?? TableDigest()
            if table["found"]?.string != found.digest.description || table["found_rows"]?.integer != found.rows {
                return failed(
                    "rows", "table \(name) does not contain what the rollback left: it was changed outside any batch")
            }
        }
        let count = Counted.text(tables.count, "table")
        return .passed(
            "rows", "\(count) as the rollback left them, apart from \(Counted.text(later.count, "later checkpoint"))")
    }
}
