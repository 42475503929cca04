public import BatchCore

extension Ledger {
    /// The last live batch behind a checkpoint that wrote a row; nil when no batch did, so that it was drift.
    public func lastWriter(of key: RowKey, in table: String, after checkpoint: Int64) throws(BatchError) -> BatchRecord?
    {
        guard let relation = try relations().first(where: { $0.value == .rows(table) })?.key else { return nil }
        let writes: Set<FactSide> = [.added, .changed, .removed]
        let fact = try laterFacts(on: relation, after: checkpoint)
            .last { writes.contains($0.side) && $0.keys.contains(key.order) }
        return try fact.flatMap { (fact) throws(BatchError) in try batch(seq: fact.batch) }
    }
}
