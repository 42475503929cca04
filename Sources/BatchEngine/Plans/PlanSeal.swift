internal import BatchControl
internal import BatchCore
internal import BatchHistory

/// Signatures over the rows of plans in `control.db`, by the key of the workspace: who edits a row cannot make them.
struct PlanSeal {
    let key: SigningKey

    /// - Parameter folder: the backups folder.
    init(folder: String) throws(BatchError) { key = try SigningKey(folder: folder) }

    /// What is fixed when a plan is made.
    func seal(_ record: PlanRecord) throws(BatchError) -> String { try sign(PlanSeal.made(record)) }

    /// The word of the approver.
    func approval(_ record: PlanRecord) throws(BatchError) -> String { try sign(PlanSeal.approved(record)) }

    /// In words, which part of the row was edited; nil when none was.
    func fault(_ record: PlanRecord) -> String? {
        guard verifies(record.seal, PlanSeal.made(record)) else { return "its row in control.db was edited" }
        guard [.approved, .applying].contains(record.status) else { return nil }
        guard let approval = record.approval, verifies(approval, PlanSeal.approved(record)) else {
            return "its approval in control.db was not signed by this workspace, or was edited"
        }
        return nil
    }

    private static func made(_ record: PlanRecord) -> JSONValue {
        [
            "format": "batchmgr plan 1", "plan": .string("\(record.id)"), "database": .string(record.database),
            "job": .string(record.job), "tenant": JSONValue(record.tenant), "author": .string(record.author),
            "created_at": .string(record.createdAt), "expires_at": .string(record.expiresAt),
            "file": .string(record.file), "sha256": .string(record.sha256),
        ]
    }

    private static func approved(_ record: PlanRecord) -> JSONValue {
        [
            "format": "batchmgr approval 1", "plan": .string("\(record.id)"), "database": .string(record.database),
            "sha256": .string(record.sha256), "approver": JSONValue(record.decidedBy),
            "typed_by": JSONValue(record.typedBy), "approved_at": JSONValue(record.decidedAt),
        ]
    }

    private static func bytes(_ value: JSONValue) -> [UInt8] { Array(JSONWriter.text(value).utf8) }

    private func sign(_ value: JSONValue) throws(BatchError) -> String {
        Hex.string(try key.sign(PlanSeal.bytes(value)))
    }

    private func verifies(_ signature: String, _ value: JSONValue) -> Bool {
        Hex.bytes(signature).map { key.publicKey.verifies($0, of: PlanSeal.bytes(value)) } ?? false
    }
}
