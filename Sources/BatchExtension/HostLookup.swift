internal import BatchCore
internal import BatchLedger

/// Finds the batch that a caller names.
struct HostLookup {
    let ledger: Ledger

    /// The batch of this id; of a job the latest that is not rolled back, or the latest when all are.
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`, with the name that was probably meant.
    func batch(_ reference: BatchReference) throws(BatchError) -> BatchRecord {
        guard try ledger.exists() else {
            throw BatchError(
                .unknownBatch, "there is no batch '\(reference)'; no batch has run on this database",
                hint: "run one: SELECT batch_begin('NAME')")
        }
        let found: [BatchRecord]
        switch reference {
        case .batch(let id): found = try ledger.batches(where: "batch = ?", [.string(id.description)])
        case .latest(let job): found = try ledger.batches(where: "job = ?", [.string(job)])
        }
        if let batch = found.last(where: { $0.status != .rolledBack }) ?? found.last { return batch }
        let sql = "SELECT batch FROM batchmgr_batches ORDER BY seq DESC LIMIT 1000"
        let names = try ledger.connection.rows(sql).compactMap { $0[0].string }
        throw BatchError(
            .unknownBatch, "there is no batch '\(reference)'\(Suggestion.clause(for: "\(reference)", in: names))",
            hint: "see the batches: SELECT batch FROM batch_log")
    }
}
