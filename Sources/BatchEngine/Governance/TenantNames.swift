public import BatchCatalog
public import BatchCore
internal import BatchLedger

/// The tenants that a database knows: by its rows, by what those refer to, and by what batches did for them.
struct TenantNames {
    let session: Session

    /// So many different values of a tenant column are read to find what was meant.
    private static let most = 1_000

    private var ledger: Ledger { session.ledger }

    func knows(_ tenant: String) throws(BatchError) -> Bool {
        if try ledger.exists() {
            let did = "SELECT 1 FROM main.batchmgr_batches WHERE tenant = ? AND inserted + updated + deleted > 0"
            if try session.connection.value(did, [.string(tenant)]) != nil { return true }
        }
        for (table, column, _) in try columns() {
            let own = "SELECT 1 FROM main.\(table) WHERE \(column) = ? LIMIT 1"
            if try session.connection.value(own, [.string(tenant)]) != nil { return true }
        }
        return false
    }

    /// Batches have run, and none for it: not even one that changed nothing.
    func isStrange(_ tenant: String) throws(BatchError) -> Bool {
        guard try ledger.exists() else { return false }
        let sql = "SELECT count(*), count(*) FILTER (WHERE tenant = ?) FROM main.batchmgr_batches"
        let row = try session.connection.rows(sql, [.string(tenant)]).first
        return row?[0].integer != 0 && row?[1].integer == 0
    }

    /// Some of them, to propose what was meant.
    func some() throws(BatchError) -> Set<String> {
        var names: Set<String> = []
        if try ledger.exists() {
            let did = "SELECT DISTINCT tenant FROM main.batchmgr_batches WHERE inserted + updated + deleted > 0"
            names.formUnion(try session.connection.rows(did).compactMap { $0[0].string })
        }
        for (table, column, _) in try columns() {
            let some = "SELECT DISTINCT CAST(\(column) AS TEXT) FROM main.\(table) LIMIT \(TenantNames.most)"
            names.formUnion(try session.connection.rows(some).compactMap { $0[0].string })
        }
        return names
    }

    /// All of them that have rows; those that others refer to where there are such.
    func all() throws(BatchError) -> [String] {
        let columns = try columns()
        let parents = columns.filter(\.isParent)
        var names: Set<String> = []
        for (table, column, _) in parents.isEmpty ? columns : parents {
            let all = "SELECT DISTINCT CAST(\(column) AS TEXT) FROM main.\(table) WHERE \(column) IS NOT NULL"
            names.formUnion(try session.connection.rows(all).compactMap { $0[0].string })
        }
        return names.sorted()
    }

    /// The tenant columns, quoted, and before them the columns that those refer to: a key is found without a search.
    private func columns() throws(BatchError) -> [(table: String, column: String, isParent: Bool)] {
        guard let name = session.database.tenantColumn else { return [] }
        var (parents, own): ([(String, String, Bool)], [(String, String, Bool)]) = ([], [])
        let layouts = try SchemaReader(session.connection).tables()
        for layout in layouts {
            guard let owner = layout.ownerColumn(named: name) else { continue }
            own.append((SQLName.quote(layout.name), SQLName.quote(layout.columns[owner].name), false))
            for key in layout.foreignKeys where key.columns == [owner] {
                guard let parent = key.parentColumns.first,
                    let there = layouts.first(where: { $0.name.lowercased() == key.parent.lowercased() }),
                    there.columns.contains(where: { $0.name.lowercased() == parent.lowercased() })
                else { continue }
                let pair = (SQLName.quote(there.name), SQLName.quote(parent), true)
                if !parents.contains(where: { $0 == pair }) { parents.append(pair) }
            }
        }
        return parents + own
    }
}

extension Workspace {
    /// The tenants of a database that have rows, or a file.
    /// - Parameter name: nil for the only one, or `main`.
    public func tenants(of name: String?, context: Context) throws(BatchError) -> [String] {
        let database = try database(named: name)
        if database.tenancy == .file {
            return try DatabaseList(self).all().compactMap { $0.database.name == database.name ? $0.tenant : nil }
        }
        let session = try Session(self, database: database.name, tenant: nil, context: context, mode: .readOnly)
        return try TenantNames(session: session).all()
    }
}

extension Session {
    /// Rows of a misspelt tenant must not look like none.
    /// - Parameters:
    ///   - isView: the answer tells what batches did; then a tenant without any is unknown also where no column names one.
    ///   - onlyMisspelt: who has no rows yet may get his first ones, unless the name is nearly that of another. Numbers
    ///     are all alike, and none is misspelt.
    /// - Throws: `ERR_UX_UNKNOWN_TENANT`.
    public func requireKnownTenant(isView: Bool, onlyMisspelt: Bool = false) throws(BatchError) {
        guard let tenant, database.tenancy != .file, isView || database.tenancy == .column else { return }
        let names = TenantNames(session: self)
        guard try !names.knows(tenant) else { return }
        try requireDistinct(tenant, names)
        let known = try names.some().sorted()
        // Where nobody has rows yet everybody is new; but where nothing was done for anybody there is nothing to see.
        if known.isEmpty {
            guard isView, database.tenancy == .none, try names.isStrange(tenant) else { return }
            throw BatchError(
                .unknownTenant, "there is no tenant '\(tenant)': nothing in this database belongs to one",
                hint: "leave out --tenant")
        }
        if onlyMisspelt, Int(tenant) != nil || Suggestion.nearest(to: tenant, in: known) == nil { return }
        let hint: Hint =
            onlyMisspelt
            ? "check the name; a tenant that has no rows yet needs --new-tenant with its first run"
            : "check the name, or leave out --tenant"
        throw BatchError(
            .unknownTenant, "there is no tenant '\(tenant)'\(Suggestion.clause(for: tenant, in: known))", hint: hint)
    }

    /// A tenant who is new must not be taken for another.
    /// - Throws: `ERR_UX_UNKNOWN_TENANT` when the name of another one is written with letters that look the same.
    public func requireDistinctTenant() throws(BatchError) {
        guard let tenant, database.tenancy == .column else { return }
        let names = TenantNames(session: self)
        if try !names.knows(tenant) { try requireDistinct(tenant, names) }
    }

    private func requireDistinct(_ tenant: String, _ names: TenantNames) throws(BatchError) {
        guard let other = try names.all().first(where: { TenantID.looksLike(tenant, $0) }) else { return }
        throw BatchError(
            .unknownTenant,
            "there is no tenant '\(tenant)': it looks like '\(other)', and has letters of another script",
            hint: "type the name with the letters of one script, or choose another name")
    }
}
