public import BatchCore

/// The rules of the database, and the sums that they are held against.
extension Ledger {
    private static let policyKey = "policy"

    /// What the workspace declared when it last wrote to the database; nil when none did.
    ///
    /// Who writes without the workspace, as the extension does, follows this.
    /// - Throws: `ERR_DATA_CORRUPT_LEDGER` when it cannot be read: nothing may be written then.
    public func policy() throws(BatchError) -> DatabasePolicy? {
        guard try exists(), let text = try meta(Ledger.policyKey) else { return nil }
        guard let json = try? JSONParser.parse(text), let policy = DatabasePolicy(json: json) else {
            throw Ledger.damaged("batchmgr_meta")
        }
        return policy
    }

    /// Call it in a transaction.
    public func setPolicy(_ policy: DatabasePolicy) throws(BatchError) {
        try setMeta(Ledger.policyKey, JSONWriter.text(policy.json))
    }

    // MARK: Sums over the checkpoints of a batch

    /// Rows changed by the checkpoints that the batch has committed.
    func rowsChanged(by batch: Int64) throws(BatchError) -> Int64 {
        try connection.value(
            "SELECT total(inserted + updated + deleted) FROM batchmgr_checkpoints WHERE batch = ?", [.integer(batch)]
        )?.whole ?? 0
    }

    /// Rows that the checkpoints of the batch have deleted from a table.
    func rowsDeleted(from table: String, by batch: Int64) throws(BatchError) -> Int64 {
        let sql = """
            SELECT total(f.count) FROM batchmgr_facts f JOIN batchmgr_relations r ON r.id = f.relation \
            WHERE r.kind = ? AND r.table_name = ? AND f.side = ? \
            AND f.checkpoint IN (SELECT id FROM batchmgr_checkpoints WHERE batch = ?)
            """
        let rows = Relation.rows(table)
        return try connection.value(
            sql,
            [
                .string(rows.kind.rawValue), .string(table), .integer(FactSide.removed.rawValue), .integer(batch),
            ])?.whole ?? 0
    }

    /// Rows of a table before the first checkpoint of the batch.
    func rowsBefore(_ batch: Int64, in table: String) throws(BatchError) -> Int64 {
        let sql = """
            SELECT total(rows) FROM batchmgr_changes WHERE table_name = ? \
            AND checkpoint IN (SELECT id FROM batchmgr_checkpoints WHERE batch = ?)
            """
        let change = try connection.value(sql, [.string(table), .integer(batch)])?.whole ?? 0
        return try rows(in: table) - change
    }

    /// Rows of a table after the last checkpoint of any batch.
    func rows(in table: String) throws(BatchError) -> Int64 {
        try connection.value("SELECT rows FROM batchmgr_state WHERE table_name = ?", [.string(table)])?.integer ?? 0
    }
}

extension SQLValue {
    /// `total()` gives a real.
    fileprivate var whole: Int64? {
        if case .real(let number) = self { Int64(exactly: number.rounded()) } else { integer }
    }
}
