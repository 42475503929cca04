internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// What contracts ask of writes that no batch made.
extension Session {
    /// Rows that were written outside any batch, and that no batch has taken over since: `table`, `key`, `op`, `tenant`.
    ///
    /// Of a large database that no guard watches the tables alone are told: a copy would have to be rebuilt for the rows,
    /// and `drift show` does that.
    /// - Parameter table: `*` for all.
    func writtenOutside(_ table: String) throws(BatchError) -> [JSONValue] {
        guard try ledger.exists(), let known = try ledger.state(), let now = try DriftDetection(session: self).look()
        else { return [] }
        let search = try DriftSearch(session: self)
        let isSmall = DatabaseFile(path).size < DriftDetection.smallDatabase
        if let drift = try isSmall ? found(by: search) : search.tracked(known) { return rows(of: drift, in: table) }
        let names = Set(known.tables.keys).union(now.tables.keys).sorted()
        return names.filter { known.tables[$0] ?? TableDigest() != now.tables[$0] ?? TableDigest() }
            .filter { table == "*" || SQLName.areSame($0, table) }
            .map { ["table": .string($0), "key": .null, "op": .null, "tenant": .null] }
    }

    /// Nil when no copy tells what the rows were.
    private func found(by search: DriftSearch) throws(BatchError) -> Drift? {
        do throws(BatchError) {
            return try search.find()
        } catch {
            guard error.code == .noRestorePoint else { throw error }
            return nil
        }
    }

    private func rows(of drift: Drift, in name: String) -> [JSONValue] {
        var lists: [String?: ChangeList] = [:]
        for table in drift.tables {
            guard let layout = table.after ?? table.before, layout.role == .ordinary,
                name == "*" || SQLName.areSame(layout.name, name)
            else { continue }
            for change in table.changes {
                lists[
                    owner(of: change, layout),
                    default: ChangeList(connection, table: nil, isStatistics: false, owner: RowOwner(self))
                ].add(change, before: table.before, after: table.after)
            }
        }
        return lists.sorted { ($0.key ?? "") < ($1.key ?? "") }.flatMap { tenant, list in
            list.report().changes.map { change in
                [
                    "table": .string(change.table), "key": change.key.json, "op": .string(change.operation.rawValue),
                    "tenant": JSONValue(tenant),
                ]
            }
        }
    }

    /// Whose a row is; nil in a table that all tenants share.
    private func owner(of row: RowChange, _ layout: TableLayout) -> String? {
        guard database.tenancy == .column else { return tenant }
        guard let values = row.after ?? row.before, let column = layout.ownerColumn(named: database.tenantColumn),
            let place = layout.storedColumns.firstIndex(of: column), place < values.count
        else { return nil }
        return values[place].string ?? values[place].integer.map { "\($0)" }
    }
}
