internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// What a rollback will undo, and what it found out before.
struct RollbackScope {
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
    ) throws(BatchError) -> RollbackScope {
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
        var dependents = found.dependents.filter { owned.contains($0.batch) }
        let readers = found.readers.filter { owned.contains($0.batch) }
        let exempt = request.readers == .prove ? readers.map(proof.explained) : []
        var revived = found.revived
        var records: [BatchRecord] = [batch]
        for edge in dependents {
            guard let record = try ledger.batch(seq: edge.batch) else { continue }
            records.append(record)
        }
        for other in request.besides {
            let root = try BatchLookup(session).liveBatch(.batch(other))
            let besides = try DependencyGraph(ledger).dependents(of: root)
            let more = besides.dependents
            revived.formUnion(besides.revived)
            var together = [root]
            for edge in more {
                if let record = try ledger.batch(seq: edge.batch) { together.append(record) }
            }
            for record in together where !records.contains(where: { $0.seq == record.seq }) { records.append(record) }
            dependents += more.filter { edge in !dependents.contains { $0.batch == edge.batch } }
        }
        let undone = request.mode == .cascade || request.mode == .replay ? records : [batch]
        var queued: Set<Int64> = []
        for record in undone { queued.formUnion(try ledger.queued(by: record.seq).map(\.batch)) }
        return RollbackScope(
            batch: batch, request: request, dependents: dependents, readers: readers, exempt: exempt,
            names: try ledger.names(of: Set((readers + exempt).map(\.batch) + records.map(\.seq))),
            checkpoints: try ledger.liveCheckpoints(of: undone, after: kept, and: undone.count > 1 ? revived : []),
            order: undone.sorted { $0.seq > $1.seq },
            foreignDependents: Set(found.dependents.map(\.batch)).subtracting(owned).count, queued: queued)
    }

    /// A tenant's rollback leaves alone what others ran, and does not show it.
    /// - Throws: `ERR_SECURITY_TENANT` when it cannot be done without them.
    func requireOwner(_ owner: String?) throws(BatchError) {
        guard owner != nil, foreignDependents > 0, request.mode != .unconflicted else { return }
        let noun = foreignDependents == 1 ? "batch" : "batches"
        throw BatchError(
            .otherTenant,
            "\(foreignDependents) later \(noun) of other tenants, or of none, depend on \(batch.batch): it cannot be undone for its tenant only",
            hint:
                "ask somebody who may see all tenants: batchmgr rollback --mode cascade, without --tenant"
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

    /// Batches that what is undone had queued: without that they would not have run, and what runs again queues its own.
    let queued: Set<Int64>

    /// The batches that `replay` runs again, in their order.
    var replayed: [BatchRecord] {
        request.mode == .replay
            ? order.filter { $0.seq != batch.seq && !queued.contains($0.seq) }.reversed() : []
    }

    /// Dependents, and after them the readers.
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

/// Finds out whether a batch that read what will be undone would have changed anything else without it: by undoing and
/// running it again on a copy.
final class ReaderProof {
    private let session: Session
    private let batch: BatchRecord
    private let kept: Int
    private var copy: ScratchCopy?
    /// Why each reader is exempt, in words.
    private var evidence: [Int64: String] = [:]

    /// - Parameter kept: the last checkpoint of the batch that stays; 0 for none.
    init(_ session: Session, of batch: BatchRecord, after kept: Int) {
        self.session = session
        self.batch = batch
        self.kept = kept
    }

    /// The edge with what was found out.
    func explained(_ edge: DependencyEdge) -> DependencyEdge {
        DependencyEdge(
            batch: edge.batch, on: edge.on, depth: edge.depth, kind: edge.kind,
            evidence: evidence[edge.batch].map { "\(edge.evidence); \($0)" } ?? edge.evidence)
    }

    /// True when the reader changed the same rows in the same way without the batch and these dependents.
    func exempts(_ edge: DependencyEdge, without dependents: [DependencyEdge]) throws(BatchError) -> Bool {
        guard let reader = try session.ledger.batch(seq: edge.batch),
            try Rerun.objection(to: reader, in: session, isRehearsed: true) == nil
        else {
            return false
        }
        let place = try scratch()
        let changes: (first: ChangesDigest, second: ChangesDigest)
        do throws(BatchError) {
            changes = try compare(reader, without: Set(dependents.map(\.batch) + [batch.seq]), place)
        } catch {
            // What cannot be run again proves nothing.
            guard error.code.errorClass == .data else { throw error }
            return false
        }
        guard changes.first == changes.second else { return false }
        let rows = changes.first.rows
        evidence[edge.batch] =
            "run again on a copy without \(batch.batch) it changed the same \(rows) \(rows == 1 ? "row" : "rows")"
        return true
    }

    // MARK: On the copy

    private func scratch() throws(BatchError) -> Session {
        if let copy { return copy.session }
        let made = try ScratchCopy(of: session)
        copy = made
        return made.session
    }

    /// Goes back to where the reader began, without the batches, and runs it; all of that is thrown away.
    private func compare(
        _ reader: BatchRecord, without undone: Set<Int64>, _ place: Session
    ) throws(BatchError) -> (first: ChangesDigest, second: ChangesDigest) {
        let ledger = place.ledger
        let own = try ledger.checkpoints(of: reader.seq)
        let first = try ChangesDigest(ledger, own.map(\.id))
        let gateway = try Gateway(place.connection, spillFolder: place.backups)
        let undo = Undo(gateway)
        try undo.open()
        defer { undo.close() }
        _ = try undo.perform(
            try way(back: own.first?.id ?? 0, without: undone, ledger), collecting: false)
        gateway.hold()
        undo.leave()
        let again = try Rerun(session: place, gateway: gateway).rehearse(reader)
        return (first, try ChangesDigest(ledger, try ledger.checkpoints(of: again.seq).map(\.id)))
    }

    /// Everything that happened since, also what was rolled back and the rollbacks: that leads to the very state of
    /// then. And what is to be undone of the time before.
    private func way(
        back start: Int64, without undone: Set<Int64>, _ ledger: Ledger
    ) throws(BatchError) -> [(checkpoint: CheckpointRecord, batch: String)] {
        var checkpoints = try ledger.checkpoints(where: "id >= ?", [.integer(start)])
        for seq in undone {
            let limit = seq == batch.seq ? kept : 0
            checkpoints += try ledger.checkpoints(of: seq).filter { $0.isLive && $0.number > limit && $0.id < start }
        }
        let names = try ledger.names(of: Set(checkpoints.map(\.batch)))
        return checkpoints.sorted { $0.id > $1.id }.map { ($0, names[$0.batch]?.description ?? "") }
    }
}
