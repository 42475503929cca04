public import BatchCore

/// Queries whose rows leave the database for one tenant.
extension Gateway {
    /// Lets queries prepared in `body` see, by the name of each table of tenants, only the rows of the batch's tenant.
    ///
    /// Before each such table stands a temporary view, and the table is read through that view alone. Views of the schema
    /// are made once more after them, so that they see the same rows. What a module made of the tables is not read at
    /// all: its rows do not say whose they are.
    /// - Throws: `ERR_SECURITY_FORBIDDEN_STATEMENT` when a query reaches for more.
    public func showingOwnRows<Result>(_ body: () throws(BatchError) -> Result) throws(BatchError) -> Result {
        guard let scope = policy.tenant, let tenant = scope.tenant else { return try body() }
        let owned = try schema.tables().filter { $0.ownerColumn(named: scope.column) != nil }
        let temporary = Set(
            try connection.rows("SELECT name FROM temp.sqlite_schema").compactMap { $0[0].string.map(SQLName.folded) })
        // No SQL can know the names through which tables are read, so it can call nothing by them.
        var generator = SystemRandomNumberGenerator()
        let secret = "own_" + Hex.string(generator.next() as UInt64) + Hex.string(generator.next() as UInt64)
        var made: [String] = []
        var reads = TenantReadRules()
        reads.ledger = connection.ledgerNames
        defer {
            authorizer?.tenantReads = nil
            for name in made.reversed() { try? connection.execute("DROP VIEW IF EXISTS temp.\(SQLName.quote(name))") }
        }
        for (number, table) in owned.enumerated() {
            let gate = "\(secret)_\(number)"
            try connection.execute(view(gate, of: table, scope.column, tenant))
            made.append(gate)
            try connection.execute(
                "CREATE TEMP VIEW \(table.quotedName) AS SELECT * FROM temp.\(SQLName.quote(gate))")
            made.append(table.name)
            reads.gates[SQLName.folded(table.name)] = gate
            reads.views.formUnion([SQLName.folded(table.name), SQLName.folded(gate)])
        }
        for view in try schema.objects() where view.type == "view" {
            guard !temporary.contains(SQLName.folded(view.name)), let text = view.sql,
                text.hasPrefix("CREATE VIEW ")
            else { continue }
            try connection.execute("CREATE TEMP VIEW " + text.dropFirst("CREATE VIEW ".count))
            made.append(view.name)
            reads.views.insert(SQLName.folded(view.name))
        }
        reads.open = try readable(beside: Set(reads.gates.keys), scope)
        reads.temporary = temporary
        let names = "SELECT name FROM main.sqlite_schema UNION ALL SELECT name FROM pragma_module_list"
        reads.closed = Set(try connection.rows(names).compactMap { $0[0].string.map(SQLName.folded) })
            .subtracting(reads.open)
        authorizer?.tenantReads = reads
        return try body()
    }

    /// Tables whose rows are everybody's. What modules keep is so only where the job names it, and neither the ledger nor
    /// the statistics are: they hold values of all rows.
    private func readable(beside owned: Set<String>, _ scope: TenantScope) throws(BatchError) -> Set<String> {
        let ordinary = try schema.tables().filter { $0.role == .ordinary && !connection.isLedger($0.name) }
        return Set(ordinary.map { SQLName.folded($0.name) }).subtracting(owned)
            .union(scope.sharedTables.map { SQLName.folded($0) }).subtracting(owned).union(TenantReadRules.harmless)
    }

    private func view(_ name: String, of table: TableLayout, _ column: String, _ tenant: String) -> String {
        guard let owner = table.ownerColumn(named: column) else { return "" }
        let column = SQLName.quote(table.columns[owner].name)
        let value = SQLLiteral.value(table.columns[owner].stored(tenant: tenant, in: table, isUTF16: false))
        return "CREATE TEMP VIEW \(SQLName.quote(name)) AS SELECT * FROM main.\(table.quotedName) "
            + "WHERE typeof(\(column)) = typeof(\(value)) AND \(column) IS \(value) COLLATE BINARY"
    }
}

/// What a query for one tenant may read. All names but those of the gates are folded.
struct TenantReadRules {
    /// For each table of tenants the one view that may read it.
    var gates: [String: String] = [:]
    /// The temporary views that show own rows alone.
    var views: Set<String> = []
    /// Tables that are read as they are.
    var open: Set<String> = []
    /// What the batch has put beside the database; it may hold anything.
    var temporary: Set<String> = []
    /// All other tables and views of the schema, and tables that a module makes up.
    var closed: Set<String> = []
    var ledger = LedgerNames.usual

    /// - Parameter source: the innermost view or common table that reads; nil for the query itself. A common table may
    ///   have any name that SQL can know.
    func admits(_ table: String, in database: String, through source: String?) -> Bool {
        let table = SQLName.folded(table)
        switch SQLName.folded(database) {
        case "main":
            if let gate = gates[table] { return source == gate }
            return open.contains(table)
        // SQLite does not say of which database a table is of which no column is read. Names lead to the temporary views
        // first, and no view of the schema is ever read. A name that nothing has is a common table.
        case "":
            if views.contains(table) { return true }
            if temporary.contains(table) || closed.contains(table) { return false }
            return !ledger.isLedger(table) && (open.contains(table) || !table.hasPrefix("sqlite_"))
        default: return views.contains(table)
        }
    }

    func isGate(_ name: String) -> Bool { gates.values.contains(name) }

    /// Modules that read their arguments and nothing else, and the schema.
    static let harmless: Set<String> = ["json_each", "json_tree", "generate_series", "sqlite_schema", "sqlite_master"]
}
