internal import BatchCore

/// Holds what was recorded against the policy of the batch.
extension Gateway {
    /// - Parameter system: how SQLite's own tables differ from the beginning of the checkpoint.
    /// - Throws: `ERR_SECURITY_TENANT`, `ERR_SECURITY_PROTECTED`, `ERR_SECURITY_LIMIT`; the transaction must be rolled
    ///   back then.
    func requirePolicy(
        batch: Int64, _ system: [(table: String, changes: [RowChange])]
    ) throws(BatchError) {
        if policy.isUnrestricted { return }
        var recorded = definitionChanges
        recorded.hasSchemaChange = hasSchemaChange
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
        for track in recorder.tracks where track.isTouched {
            guard let watch = track.watch, watch.rows.total > 0 else { continue }
            let name = track.layout.ownerTable
            if byTable[name] == nil { order.append(name) }
            var writes = byTable[name] ?? RecordedWrites(table: name, ownership: watch.ownership)
            watch.merge(into: &writes)
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
        _ system: [(table: String, changes: [RowChange])], _ recorded: RecordedCheckpoint
    ) -> [RecordedWrites] {
        let touched = Set(recorder.tracks.filter(\.isTouched).map { $0.layout.name.lowercased() })
            .union(recorded.definitions.map { $0.lowercased() })
        return system.compactMap { table, changes in
            let left = changes.count { change in
                guard table == SystemTables.sequence else { return true }
                return [change.before, change.after].compactMap { $0?.first?.string }
                    .contains { !touched.contains($0.lowercased()) }
            }
            return left == 0
                ? nil : RecordedWrites(table: table, ownership: .system, rows: RowCounts(updated: left))
        }
    }

    /// Notes what a statement did to the definitions of tables.
    /// - Parameter owners: tables that had the tenant column before the statement.
    func notePolicy(_ change: SchemaChange, owners: Set<String>) throws(BatchError) {
        if policy.isUnrestricted { return }
        for object in change.before + change.after { definitionChanges.definitions.insert(object.tableName) }
        let after = Dictionary(
            change.after.filter { $0.type == "table" }.map { ($0.rowid, $0.name) }
        ) { first, _ in first }
        for object in change.before where object.type == "table" && !object.isSystem {
            let isOwn = recorder.madeTables.remove(object.name) != nil
            guard let name = after[object.rowid] else {
                if isOwn { continue }
                definitionChanges.dropped[object.name] = try ledger.rows(in: object.name)
                if owners.contains(object.name) { definitionChanges.disowned.insert(object.name) }
                continue
            }
            if isOwn {
                recorder.madeTables.insert(name)
            } else if owners.contains(object.name),
                try schema.layout(named: name)?.ownerColumn(named: policy.tenant?.column) == nil
            {
                definitionChanges.disowned.insert(object.name)
            }
        }
        let old = Set(change.before.filter { $0.type == "table" }.map(\.rowid))
        for object in change.after where object.type == "table" && !old.contains(object.rowid) {
            recorder.madeTables.insert(object.name)
        }
    }

    /// Tables with the tenant column, as the schema is now.
    func ownedTables() throws(BatchError) -> Set<String> {
        guard let column = policy.tenant?.column else { return [] }
        return Set(try schema.tables().filter { $0.ownerColumn(named: column) != nil }.map(\.name))
    }
}
