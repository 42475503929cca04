internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// What the checkpoints of a batch saw of time and chance, step by step, for another run of it.
final class RecordedInputs {
    private var pins: [(step: String, pin: PinnedInputs)]
    private var last: PinnedInputs?

    init(_ pins: [(step: String, pin: PinnedInputs)]) {
        self.pins = pins
        last = pins.first?.pin
    }

    convenience init(_ ledger: Ledger, of batch: Int64) throws(BatchError) {
        self.init(try RecordedInputs.read(ledger, try ledger.checkpoints(of: batch)))
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

/// What a run of checkpoints changed, row by row, in a few bytes.
struct ChangesDigest: Equatable {
    let hash: [UInt8]
    let rows: Int

    init(_ ledger: Ledger, _ checkpoints: [Int64]) throws(BatchError) {
        let hash = SHA256()
        var rows = 0
        let changes = try BatchChanges(ledger, checkpoints: checkpoints)
        // Counters and indexes follow from the rows.
        for table in changes.tables where (table.after ?? table.before)?.role == .ordinary {
            try changes.forEachChange(of: table) { (change) throws(BatchError) in
                rows += 1
                let line: JSONValue = [
                    "table": .string(table.name), "key": change.key.json,
                    "before": .array(change.before?.map(\.json) ?? []), "is_new": .bool(change.before == nil),
                    "after": .array(change.after?.map(\.json) ?? []), "is_gone": .bool(change.after == nil),
                ]
                Array(JSONWriter.text(line).utf8).withUnsafeBytes { hash.update($0) }
            }
        }
        self.hash = hash.finish()
        self.rows = rows
    }
}
