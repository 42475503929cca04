internal import BatchCore
internal import BatchLedger

/// `batch_digest`.
extension Host {
    /// Reads every row. The digest that the last batch left is in `batchmgr_state`: when it differs, somebody has written
    /// outside any batch.
    func digest(of table: String) throws(BatchError) -> Digest {
        defer { dropStatementsUnlessOpen() }
        return try StateDigest.compute(try layout(named: table), connection).digest
    }

    /// - Throws: `ERR_UX_USAGE` when there is no such table, with the name that was probably meant.
    func layout(named table: String) throws(BatchError) -> TableLayout {
        let reader = SchemaReader(connection)
        if let layout = try reader.layout(named: table) { return layout }
        if let gone = try goneTable(table) {
            throw BatchError(
                .schemaChanged, "table \(gone) is there no more: it was dropped or renamed",
                hint: "restore a point that has it: batchmgr restore --point BATCH --to FILE")
        }
        let names = try reader.tables().map(\.name)
        throw BatchError(
            .usage, "there is no table '\(table)' with rows of its own\(Suggestion.clause(for: table, in: names))",
            hint: "see the tables: SELECT name FROM sqlite_schema WHERE type = 'table'")
    }

    /// A table that a batch once wrote to.
    private func goneTable(_ table: String) throws(BatchError) -> String? {
        let ledger = try Ledger(connection)
        return try ledger.exists() ? try ledger.lastLayout(named: table)?.name : nil
    }

    /// Statements that are kept would be in the way of who closes the connection; a batch needs them soon again.
    func dropStatementsUnlessOpen() {
        if batch == nil { connection.dropCachedStatements() }
    }
}
