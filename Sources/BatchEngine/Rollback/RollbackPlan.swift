internal import BatchCore
internal import BatchLedger

/// What a rollback will undo, and what it found out before.
struct RollbackPlan {
    let batch: BatchRecord
    let request: RollbackRequest
    /// In commit order.
    let dependents: [DependencyEdge]
    /// Batches that read what will be undone, and stay.
    let readers: [DependencyEdge]
    /// Readers that changed the same on a copy without the batch, with how that was found.
    let exempt: [DependencyEdge]
    let names: [Int64: BatchID]
    /// Checkpoints with the names of their batches, the last first.
    let checkpoints: [(checkpoint: CheckpointRecord, batch: String)]
    /// The batches in the order in which they are undone.
    let order: [BatchRecord]
    /// Dependents that are not of the tenant of the session.
    let foreignDependents: Int

    static func make(
        _ session: Session, _ batch: BatchRecord, _ request: RollbackRequest
    ) throws(BatchError) -> RollbackPlan {
        let ledger = session.ledger
        let kept = request.checkpoint ?? 0
        try ledger.requireLive(batch, after: request.checkpoint)
        let proof = ReaderProof(session, of: batch, after: kept)
        let found = try DependencyGraph(ledger).find(
            of: batch, after: kept, keepsOrder: request.mode == .replay
        ) {
            (reader, dependents) throws(BatchError) in
            switch request.readers {
            case .show: false
            case .include: true
            case .prove: try !proof.exempts(reader, without: dependents)
            }
        }
        let owned = try session.owned(found.dependents + found.readers)
        let dependents = found.dependents.filter { owned.contains($0.batch) }
        let readers = found.readers.filter { owned.contains($0.batch) }
        let exempt = request.readers == .prove ? readers.map(proof.explained) : []
        var records: [BatchRecord] = [batch]
        for edge in dependents {
            guard let record = try ledger.batch(seq: edge.batch) else { continue }
            records.append(record)
        }
        let undone = request.mode == .cascade || request.mode == .replay ? records : [batch]
        return RollbackPlan(
            batch: batch, request: request, dependents: dependents, readers: readers, exempt: exempt,
            names: try ledger.names(of: Set((readers + exempt).map(\.batch) + records.map(\.seq))),
            checkpoints: try ledger.liveCheckpoints(of: undone, after: kept),
            order: undone.sorted { $0.seq > $1.seq },
            foreignDependents: Set(found.dependents.map(\.batch)).subtracting(owned).count)
    }

    /// A tenant's rollback leaves alone what others ran, and does not show it.
    /// - Throws: `ERR_SECURITY_TENANT` when it cannot be done without them.
    func requireOwner(_ owner: String?) throws(BatchError) {
        guard owner != nil, foreignDependents > 0, request.mode != .unconflicted else { return }
        let noun = foreignDependents == 1 ? "batch" : "batches"
        throw BatchError(
            .otherTenant,
            "\(foreignDependents) later \(noun) of other tenants, or of none, depend on \(batch.batch): it cannot be undone for its tenant alone",
            hint:
                "ask somebody who may see them all: batchmgr rollback --mode cascade, without --tenant"
        )
    }

    /// Why `restrict` does not go on.
    var refusal: BatchError {
        let count = dependents.count
        let noun = count == 1 ? "batch depends" : "batches depend"
        return BatchError(
            .dependents, "\(count) later \(noun) on \(batch.batch)",
            hint: "undo them too: \(command: cascade)")
    }

    /// Options stand in the literal: what is put in between would be quoted as one word.
    private var cascade: HintCommand {
        switch request.readers {
        case .show: "rollback --id \(batch.batch) --mode cascade"
        case .include: "rollback --id \(batch.batch) --mode cascade --include-reads"
        case .prove: "rollback --id \(batch.batch) --mode cascade --prove-reads"
        }
    }

    /// The batches that `replay` runs again, in their order.
    var replayed: [BatchRecord] {
        request.mode == .replay ? order.filter { $0.seq != batch.seq }.reversed() : []
    }

    /// Dependents, and behind them the readers.
    var reports: [DependentSummary] {
        let isExempt = Set(exempt.map(\.batch))
        return summaries(dependents + readers.filter { !isExempt.contains($0.batch) })
    }

    func summaries(_ edges: [DependencyEdge]) -> [DependentSummary] {
        edges.compactMap { edge in
            guard let id = names[edge.batch], let on = names[edge.on] else { return nil }
            return DependentSummary(
                batch: id, depth: edge.depth, edges: [.init(on: on, kind: edge.kind, evidence: edge.evidence)])
        }
    }

    var dependentsReport: DependentsReport? {
        reports.isEmpty ? nil : DependentsReport(batch: batch.batch, dependents: reports)
    }

    var json: JSONValue {
        [
            "order": .array(order.map { .string($0.batch.description) }),
            "checkpoints": JSONValue(checkpoints.count),
            "dependents": .array(
                reports.map { dependent -> JSONValue in
                    [
                        "batch": .string(dependent.batch.description),
                        "kind": .init(dependent.edges.first?.kind.rawValue),
                        "evidence": .init(dependent.edges.first?.evidence),
                    ]
                }),
        ]
    }
}
