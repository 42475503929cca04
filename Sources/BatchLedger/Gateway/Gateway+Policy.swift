public import BatchCore

/// Holds what was recorded against the policy of the batch.
extension Gateway {
    /// - Parameter system: how SQLite's own tables differ from the beginning of the checkpoint.
    /// - Throws: `ERR_SECURITY_TENANT`, `ERR_SECURITY_PROTECTED`, `ERR_SECURITY_LIMIT`; the transaction must be rolled
    ///   back then.
    func requirePolicy(
        batch: Int64, _ system: [(table: String, changes: [RowChange])]
    ) throws(BatchError) {
        if policy.isUnrestricted { return }
        var recorded = state.definitionChanges
        recorded.hasSchemaChange = state.hasSchemaChange
        recorded.tables = try writes(batch) + unexplained(system, recorded)
        if policy.limits.rows != nil {
            recorded.rows = Int64(rows.total) + (try ledger.rowsChanged(by: batch))
        }
        if let violation = policy.violation(in: recorded) { throw violation.error }
    }

    /// The tables of which rows changed, each once.
    private func writes(_ batch: Int64) throws(BatchError) -> [RecordedWrites] {
        var order: [String] = []
        var byTable: [String: RecordedWrites] = [:]
        for table in sink.tables where table.isTouched {
            guard let changes = table.policy, changes.rows.total > 0 else { continue }
            let name = table.layout.ownerTable
            if byTable[name] == nil { order.append(name) }
            var writes = byTable[name] ?? RecordedWrites(table: name, ownership: changes.ownership)
            changes.merge(into: &writes)
            byTable[name] = writes
        }
        guard policy.limits.deletedShare != nil else { return order.compactMap { byTable[$0] } }
        return try order.compactMap { byTable[$0] }.map { (writes) throws(BatchError) in
            var writes = writes
            writes.deletedBefore = try ledger.rowsDeleted(from: writes.table, by: batch)
            writes.rowsBefore = try ledger.rowsBefore(batch, in: writes.table)
            return writes
        }
    }

    /// Rows of SQLite's own tables that no recorded change accounts for: the counter of AUTOINCREMENT moves with the
    /// rows of its table, and goes with its definition.
    private func unexplained(
        _ system: [(table: String, changes: [RowChange])], _ recorded: RecordedWrites.Checkpoint
    ) -> [RecordedWrites] {
        let defined = Set(recorded.definitions.map { SQLName.folded($0) })
        var touched: [String: Int64] = [:]
        for table in sink.tables where table.isTouched {
            let name = SQLName.folded(table.layout.name)
            touched[name] = max(touched[name] ?? 0, table.highestAdded ?? 0)
        }
        return system.compactMap { table, changes in
            let left = changes.count { change in
                guard table == SystemTables.sequence else { return true }
                return [change.before, change.after].compactMap { $0?.first?.string.map(SQLName.folded) }.contains {
                    name in
                    if defined.contains(name) { return false }
                    guard let highest = touched[name] else { return true }
                    return policy.tenant != nil && !state.isUndo && !isCounted(change, upTo: highest)
                }
            }
            return left == 0
                ? nil : RecordedWrites(table: table, ownership: .system, rows: RowCounts(updated: left))
        }
    }

    /// True when a counter that all tenants share has moved no further than the rows of this one need.
    private func isCounted(_ change: RowChange, upTo highest: Int64) -> Bool {
        let before = change.before?.last?.integer ?? 0
        guard case .integer(let after)? = change.after?.last else { return false }
        return after >= before && after <= max(before, highest)
    }

    /// Notes what a statement did to the definitions of tables.
    /// - Parameter owners: tables that had the tenant column before the statement.
    func notePolicy(_ change: SchemaChange, owners: Set<String>) throws(BatchError) {
        if policy.isUnrestricted { return }
        for object in change.before + change.after { state.definitionChanges.definitions.insert(object.tableName) }
        let after = Dictionary(
            change.after.filter { $0.type == "table" }.map { ($0.rowid, $0.name) }
        ) { first, _ in first }
        for object in change.before where object.type == "table" && !object.isSystem {
            let isOwn = sink.captured.made.remove(object.name) != nil
            guard let name = after[object.rowid] else {
                if isOwn { continue }
                state.definitionChanges.dropped[object.name] = try ledger.rows(in: object.name)
                if owners.contains(object.name) { state.definitionChanges.disowned.insert(object.name) }
                continue
            }
            if isOwn {
                sink.captured.made.insert(name)
            } else if owners.contains(object.name),
                try schema.layout(named: name)?.ownerColumn(named: policy.tenant?.column) == nil
            {
                state.definitionChanges.disowned.insert(object.name)
            }
        }
        let old = Set(change.before.filter { $0.type == "table" }.map(\.rowid))
        for object in change.after where object.type == "table" && !old.contains(object.rowid) {
            sink.captured.made.insert(object.name)
        }
    }

    /// Tables with the tenant column, as the schema is now.
    func ownedTables() throws(BatchError) -> Set<String> {
        guard let column = policy.tenant?.column else { return [] }
        return Set(try schema.tables().filter { $0.ownerColumn(named: column) != nil }.map(\.name))
    }
}

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
            "SELECT total(inserted + updated + deleted) FROM main.batchmgr_checkpoints WHERE batch = ?",
            [.integer(batch)]
        )?.whole ?? 0
    }

    /// Rows that the checkpoints of the batch have deleted from a table.
    func rowsDeleted(from table: String, by batch: Int64) throws(BatchError) -> Int64 {
        let sql = """
            SELECT total(f.count) FROM main.batchmgr_facts f JOIN main.batchmgr_relations r ON r.id = f.relation \
            WHERE r.kind = ? AND r.table_name = ? AND f.side = ? \
            AND f.checkpoint IN (SELECT id FROM main.batchmgr_checkpoints WHERE batch = ?)
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
            SELECT total(rows) FROM main.batchmgr_changes WHERE table_name = ? \
            AND checkpoint IN (SELECT id FROM main.batchmgr_checkpoints WHERE batch = ?)
            """
        let change = try connection.value(sql, [.string(table), .integer(batch)])?.whole ?? 0
        return try rows(in: table) - change
    }

    /// Rows of a table after the last checkpoint of any batch.
    func rows(in table: String) throws(BatchError) -> Int64 {
        try state(of: table)?.rows ?? 0
    }
}

extension SQLValue {
    /// `total()` gives a real.
    fileprivate var whole: Int64? {
        if case .real(let number) = self { Int64(exactly: number.rounded()) } else { integer }
    }
}
