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
            authorizer.wall = nil
            for table in owned { try? connection.execute("DROP VIEW IF EXISTS temp.\(table.quotedName)") }
        }
        for table in owned { try connection.execute(view(of: table, scope.column, tenant)) }
        let opaque = try schema.tables().compactMap { $0.role == .ordinary ? nil : $0.name.lowercased() }
        let virtual = try schema.virtualTables().map { $0.name.lowercased() }
        let listed = Set(scope.sharedTables.map { $0.lowercased() })
        authorizer.wall = ReadWall(
            views: names, closed: Set(opaque + virtual).subtracting(listed), temporary: Set(temporary),
            others: Set(views + temporary))
        return try body()
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
struct ReadWall {
    /// Names, in lower case, of tables that are read through a view of the same name alone.
    let views: Set<String>
    /// Tables that are not read at all.
    let closed: Set<String>
    /// What the batch has put beside the database; it may hold anything.
    let temporary: Set<String>
    /// Views that are not ours.
    let others: Set<String>

    /// - Parameter source: the innermost view that reads; nil for the query itself.
    func admits(_ table: String, in database: String, through source: String?) -> Bool {
        let table = table.lowercased()
        let source = source?.lowercased()
        switch database.lowercased() {
        case "main": return views.contains(table) ? source == table : !closed.contains(table)
        // SQLite does not say of which database a table is of which no column is read: our views come first, but not
        // for a view of the user's.
        case "": return views.contains(table) ? !(source.map(others.contains) ?? false) : isPlain(table)
        default: return views.contains(table)
        }
    }

    private func isPlain(_ table: String) -> Bool { !closed.contains(table) && !temporary.contains(table) }
}
