public import BatchCore

/// Queries whose rows leave the database for one tenant.
extension Gateway {
    /// Lets queries prepared in `body` see, by the name of each table of tenants, only the rows of the batch's tenant.
    ///
    /// A temporary view stands before each such table, and the table is not read past it. What a module or another view
    /// made of the tables is not read at all: its rows do not say whose they are.
    /// - Throws: `ERR_SECURITY_FORBIDDEN_STATEMENT` when a query reaches for more.
    public func showingOwnRows<Result>(
        of query: String, _ body: () throws(BatchError) -> Result
    ) throws(BatchError) -> Result {
        guard let scope = policy.tenant, let tenant = scope.tenant else { return try body() }
        let owned = try schema.tables().filter { $0.ownerColumn(named: scope.column) != nil }
        let names = Set(owned.map { $0.name.lowercased() })
        try refuseImposters(query, names)
        let temporary = try connection.rows("SELECT lower(name) FROM temp.sqlite_schema").compactMap { $0[0].string }
        let views = try schema.objects().filter { $0.type == "view" }.map { $0.name.lowercased() }
        defer {
            authorizer?.tenantReads = nil
            for table in owned { try? connection.execute("DROP VIEW IF EXISTS temp.\(table.quotedName)") }
        }
        for table in owned { try connection.execute(view(of: table, scope.column, tenant)) }
        authorizer?.tenantReads = TenantReads(
            views: names, open: try readable(beside: names, scope).union(views), temporary: Set(temporary),
            others: Set(views + temporary))
        return try body()
    }

    /// Tables whose rows are everybody's. What modules keep is so only where the job names it, and neither the ledger nor
    /// the statistics are: they hold values of all rows.
    private func readable(beside owned: Set<String>, _ scope: TenantScope) throws(BatchError) -> Set<String> {
        let ordinary = try schema.tables().filter { $0.role == .ordinary && !SQLName.isLedger($0.name) }
        return Set(ordinary.map { $0.name.lowercased() }).subtracting(owned)
            .union(scope.sharedTables.map { $0.lowercased() }).union(TenantReads.harmless)
    }

    private func view(of table: TableLayout, _ column: String, _ tenant: String) -> String {
        guard let owner = table.ownerColumn(named: column) else { return "" }
        let name = SQLName.quote(table.columns[owner].name)
        let value = SQLLiteral.value(table.columns[owner].stored(tenant: tenant, in: table, isUTF16: false))
        return "CREATE TEMP VIEW \(table.quotedName) AS SELECT * FROM main.\(table.quotedName) "
            + "WHERE typeof(\(name)) = typeof(\(value)) AND \(name) IS \(value) COLLATE BINARY"
    }

    /// A common table of the same name would pass for the view.
    private func refuseImposters(_ query: String, _ names: Set<String>) throws(BatchError) {
        let views = try connection.rows(
            "SELECT sql FROM main.sqlite_schema WHERE type = 'view' UNION ALL SELECT sql FROM temp.sqlite_schema")
        for sql in [query] + views.compactMap({ $0[0].string }) where SQLText.definesCommonTable(sql, among: names) {
            throw BatchError(
                .forbiddenStatement,
                "an export for one tenant may not have a common table, nor a view with one, named as a table of tenants",
                hint: "give the common table another name")
        }
    }
}

/// What a query for one tenant may read.
struct TenantReads {
    /// Names, in lower case, of tables that are read through a view of the same name alone.
    let views: Set<String>
    /// Tables and views that are read as they are; what a view reads is looked at too.
    let open: Set<String>
    /// What the batch has put beside the database; it may hold anything.
    let temporary: Set<String>
    /// Views that are not ours.
    let others: Set<String>

    /// - Parameter source: the innermost view that reads; nil for the query itself.
    func admits(_ table: String, in database: String, through source: String?) -> Bool {
        let table = table.lowercased()
        let source = source?.lowercased()
        switch database.lowercased() {
        case "main": return views.contains(table) ? source == table : open.contains(table)
        // SQLite does not say of which database a table is of which no column is read: our views come first, but not
        // for a view of the user's.
        case "": return views.contains(table) ? !(source.map(others.contains) ?? false) : isOpen(table)
        default: return views.contains(table)
        }
    }

    private func isOpen(_ table: String) -> Bool { open.contains(table) && !temporary.contains(table) }

    /// Modules that read their arguments and nothing else, and the schema.
    static let harmless: Set<String> = ["json_each", "json_tree", "generate_series", "sqlite_schema", "sqlite_master"]
}
