public import BatchCore
public import BatchLedger

/// Finds the batch that a person means.
public struct BatchLookup {
    private let ledger: Ledger
    /// Only batches of this tenant are there; nil for all.
    private let tenant: String?

    public init(_ session: Session) {
        ledger = session.ledger
        tenant = session.owner
    }

    /// The batch of this id; of a job the latest that is not rolled back, or the latest when all are.
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`, with the name that was probably meant.
    public func batch(_ reference: BatchReference) throws(BatchError) -> BatchRecord {
        let found = try candidates(reference)
        guard let batch = found.last(where: { $0.status != .rolledBack }) ?? found.last else {
            throw try unknown(reference)
        }
        return batch
    }

    /// The batch of this id; of a job the latest that is not rolled back.
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`; `ERR_UX_WRONG_STATE` when all batches of the job are rolled back.
    public func liveBatch(_ reference: BatchReference) throws(BatchError) -> BatchRecord {
        let batch = try batch(reference)
        if case .latest(let job) = reference, batch.status == .rolledBack {
            throw BatchError(
                .wrongState, "every batch of \(job) is rolled back already, \(batch.batch) the last",
                hint: "see them: \(command: "list --job \(job)")")
        }
        return batch
    }

    private func candidates(_ reference: BatchReference) throws(BatchError) -> [BatchRecord] {
        guard try ledger.exists() else { return [] }
        switch reference {
        case .batch(let id):
            return try ledger.batches(where: "batch = ? AND \(own)", [.string(id.description), .optional(tenant)])
        case .latest(let job):
            return try ledger.batches(where: "job = ? AND \(own)", [.string(job), .optional(tenant)])
        }
    }

    private let own = "(?2 IS NULL OR tenant = ?2)"

    private func unknown(_ reference: BatchReference) throws(BatchError) -> BatchError {
        var names: [String] = []
        if try ledger.exists() {
            let column = if case .batch = reference { "batch" } else { "DISTINCT job" }
            names = try ledger.connection.rows(
                "SELECT \(column) FROM batchmgr_batches WHERE ?1 IS NULL OR tenant = ?1 ORDER BY seq DESC LIMIT 1000",
                [.optional(tenant)]
            ).compactMap { $0[0].string }
        }
        let whose = tenant.map { " for tenant \($0)" } ?? ""
        let none = names.isEmpty ? "; no batch has run on this database\(whose)" : ""
        return BatchError(
            .unknownBatch,
            "there is no batch '\(reference)'\(none)\(Suggestion.clause(for: "\(reference)", in: names))",
            hint: names.isEmpty
                ? "run one: \(command: "run --id NAME --sql SQL")" : "see the batches: \(command: "list")")
    }
}
