internal import BatchCore
internal import BatchLedger

/// What the checkpoints of a batch saw of time and chance, step by step, for another run of it.
final class RecordedPins {
    private let ledger: Ledger
    private var checkpoints: [CheckpointRecord]
    private var last: CheckpointRecord?

    init(_ ledger: Ledger, of batch: Int64) throws(BatchError) {
        self.ledger = ledger
        checkpoints = try ledger.checkpoints(of: batch)
        last = checkpoints.first
    }

    /// For the next checkpoint of a step. A run that needs more checkpoints than the first one sees the last again.
    func next(of step: String) throws(BatchError) -> Pin? {
        if let index = checkpoints.firstIndex(where: { $0.step == step }) { last = checkpoints.remove(at: index) }
        return try last.map { (checkpoint) throws(BatchError) in try ledger.pin(for: checkpoint) }
    }
}
