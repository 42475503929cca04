internal import BatchCore
internal import BatchHistory
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
                .corruptRecord, "\(path) is no certificate, or a damaged one",
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
