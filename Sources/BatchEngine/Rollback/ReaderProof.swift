internal import BatchCore
internal import BatchHistory
internal import BatchLedger

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
