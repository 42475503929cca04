internal import BatchCore
internal import BatchLedger

/// What points of the ledger are called, and what a person types for them.
struct PointNames {
    private let batches: [Int64: BatchID]
    /// The last point of each batch.
    private let last: [Int64: Int64]
    /// Of points that a later one of the same batch follows: the number of their last checkpoint.
    private let checkpoints: [Int64: Int64]

    init(_ points: [PointRecord], in ledger: Ledger) throws(BatchError) {
        batches = try ledger.names(of: Set(points.map(\.batch)))
        let ends = try ledger.connection.rows(
            "SELECT batch, max(id) FROM main.batchmgr_points WHERE status = 'complete' GROUP BY batch")
        last = Dictionary(ends.map { ($0[0].integer ?? 0, $0[1].integer ?? 0) }) { first, _ in first }
        var numbers: [Int64: Int64] = [:]
        for point in points where (last[point.batch] ?? point.id) != point.id {
            let sql = "SELECT number FROM main.batchmgr_checkpoints WHERE id = ?"
            numbers[point.id] = try ledger.connection.value(sql, [.integer(point.lastCheckpoint)])?.integer ?? 0
        }
        checkpoints = numbers
    }

    /// For people; two points of one batch differ.
    func title(_ point: PointRecord) -> String {
        guard let batch = batches[point.batch] else { return "\(point.kind.rawValue) of \(point.createdAt)" }
        return checkpoints[point.id].map { "\(batch) checkpoint \($0)" } ?? "\(batch)"
    }

    /// What `--point` takes: the batch where it names this point, else the commit or the time.
    func reference(_ point: PointRecord) -> String {
        if let batch = batches[point.batch], checkpoints[point.id] == nil { return "\(batch)" }
        return point.commit.map { String($0.prefix(12)) } ?? point.createdAt
    }
}
