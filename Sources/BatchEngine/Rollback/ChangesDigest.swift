internal import BatchCore
internal import BatchHistory
internal import BatchLedger

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
