public import BatchCore
public import BatchLedger
internal import BatchSystem

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
        let found = try newest(reference)
        guard let batch = found.live ?? found.latest else { throw try unknown(reference) }
        return batch
    }

    /// The latest batch, and the latest that is not rolled back; what is older is not read.
    private func newest(_ reference: BatchReference) throws(BatchError) -> (latest: BatchRecord?, live: BatchRecord?) {
        guard try ledger.exists() else { return (nil, nil) }
        var (latest, live): (BatchRecord?, BatchRecord?)
        let (job, id): (String?, BatchID?)
        switch reference {
        case .batch(let named): (job, id) = (nil, named)
        case .latest(let named): (job, id) = (named, nil)
        }
        let named = id == nil ? "?3 IS NULL" : "batch = ?3"
        try ledger.forEachBatchFromNewest(
            of: job, where: "(?2 IS NULL OR tenant = ?2) AND \(named)", [.optional(tenant), .optional(id?.description)]
        ) { (batch) in
            latest = latest ?? batch
            if batch.status != .rolledBack { live = batch }
            return live == nil
        }
        return (latest, live)
    }

    /// The batch of this id, to be undone; of a job the latest.
    ///
    /// A name that is typed twice must not undo two batches: when the latest is rolled back already, that is an error, and
    /// the one before has to be named.
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`; `ERR_UX_WRONG_STATE`.
    public func liveBatch(_ reference: BatchReference) throws(BatchError) -> BatchRecord {
        guard case .latest(let job) = reference else { return try batch(reference) }
        let found = try newest(reference)
        guard let latest = found.latest, latest.status == .rolledBack else { return try batch(reference) }
        if let before = found.live {
            throw BatchError(
                .wrongState, "\(latest.batch) is rolled back already; the one before is \(before.batch)",
                hint: "undo that one too: \(command: "rollback --id \(before.batch)")")
        }
        throw BatchError(
            .wrongState, "every batch of \(job) is rolled back already, the last one \(latest.batch)",
            hint: "see them: \(command: "list --job \(job)")")
    }

    private func unknown(_ reference: BatchReference) throws(BatchError) -> BatchError {
        var names: [String] = []
        if try ledger.exists() {
            let column = if case .batch = reference { "batch" } else { "DISTINCT job" }
            names = try ledger.connection.rows(
                "SELECT \(column) FROM main.batchmgr_batches WHERE ?1 IS NULL OR tenant = ?1 ORDER BY seq DESC LIMIT 1000",
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

extension Session {
    /// The state as it is to be shown: a batch whose process has died is stopped, though nobody has noted it yet.
    func shownStatus(of batch: BatchRecord) -> BatchStatus {
        batch.status == .running && hasDied(batch.batch) ? .stopped : batch.status
    }

    /// False when it cannot be told, because the lease cannot be read.
    private func hasDied(_ batch: BatchID) -> Bool {
        do throws(BatchError) {
            guard let row = try LeaseTable(connection).read() else { return true }
            return !row.isHeld || row.work.batch != "\(batch)"
        } catch {
            return false
        }
    }
}
