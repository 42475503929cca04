public import BatchCore

/// What the facts of a checkpoint come to, kept beside them: a fact that is missing would hide a dependent.
extension Ledger {
    /// Call it behind the last fact of a checkpoint.
    func sealFacts(of checkpoint: Int64) throws(BatchError) {
        let sums = try factSums("f.checkpoint = ?", [.integer(checkpoint)])
        let sum = sums[checkpoint] ?? (0, Digest.zero)
        try connection.run(
            "INSERT OR REPLACE INTO main.batchmgr_fact_sums VALUES(?, ?, ?)",
            [.integer(checkpoint), .integer(sum.parts), .string(sum.digest.description)])
    }

    /// Compares the facts of checkpoints with what they came to when they were written. Those of an older program have no
    /// such sum.
    /// - Parameter first: of this checkpoint and all behind it.
    /// - Throws: `ERR_DATA_CORRUPT_LEDGER` when facts are missing or were changed.
    public func verifyFacts(from first: Int64 = 0, to last: Int64 = .max) throws(BatchError) {
        let exists = "SELECT 1 FROM main.sqlite_schema WHERE name = 'batchmgr_fact_sums'"
        guard try connection.value(exists) != nil else { return }
        let bounds: [SQLValue] = [.integer(first), .integer(last)]
        let found = try factSums("f.checkpoint BETWEEN ? AND ?", bounds)
        let recorded = "SELECT checkpoint, parts, digest FROM main.batchmgr_fact_sums WHERE checkpoint BETWEEN ? AND ?"
        for row in try connection.rows(recorded, bounds) {
            let checkpoint = row[0].integer ?? 0
            let sum = found[checkpoint] ?? (0, Digest.zero)
            if sum.parts == row[1].integer, sum.digest.description == row[2].string { continue }
            throw BatchError(
                .corruptLedger, "facts of checkpoint \(checkpoint) in batchmgr_facts are missing or were changed",
                hint:
                    "what depends on a batch cannot be told without them; rebuild a state: \(command: "restore --point POINT --to FILE")"
            )
        }
    }

    private func factSums(
        _ condition: String, _ parameters: [SQLValue]
    ) throws(BatchError) -> [Int64: (parts: Int64, digest: Digest)] {
        let statement = try connection.cached(
            """
            SELECT f.checkpoint, r.kind, r.table_name, r.columns, f.side, f.part, f.low, f.high, f.count, f.keys \
            FROM main.batchmgr_facts f LEFT JOIN main.batchmgr_relations r ON r.id = f.relation WHERE \(condition)
            """)
        defer { statement.reset() }
        try statement.bind(parameters)
        var sums: [Int64: (parts: Int64, digest: Digest)] = [:]
        var buffer = ByteBuffer()
        while try statement.step() {
            buffer.removeAll()
            statement.encodeColumns(1..<10, isUTF16: false, into: &buffer)
            var sum = sums[statement.value(0).integer ?? 0] ?? (0, Digest.zero)
            sum.parts += 1
            sum.digest += buffer.digest()
            sums[statement.value(0).integer ?? 0] = sum
        }
        return sums
    }
}
