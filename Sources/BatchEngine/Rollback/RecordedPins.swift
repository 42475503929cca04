internal import BatchCore
internal import BatchLedger

/// What the checkpoints of a batch saw of time and chance, step by step, for another run of it.
final class RecordedPins {
    private var pins: [(step: String, pin: PinnedInputs)]
    private var last: PinnedInputs?

    init(_ pins: [(step: String, pin: PinnedInputs)]) {
        self.pins = pins
        last = pins.first?.pin
    }

    convenience init(_ ledger: Ledger, of batch: Int64) throws(BatchError) {
        self.init(try RecordedPins.read(ledger, try ledger.checkpoints(of: batch)))
    }

    static func read(
        _ ledger: Ledger, _ checkpoints: [CheckpointRecord]
    ) throws(BatchError) -> [(step: String, pin: PinnedInputs)] {
        var pins: [(step: String, pin: PinnedInputs)] = []
        for checkpoint in checkpoints { pins.append((checkpoint.step, try ledger.pin(for: checkpoint))) }
        return pins
    }

    /// For the next checkpoint of a step. A run that needs more checkpoints than the first one sees the last again.
    func next(of step: String) -> PinnedInputs? {
        if let index = pins.firstIndex(where: { $0.step == step }) { last = pins.remove(at: index).pin }
        return last
    }
}
