public import BatchCatalog
public import BatchCore
internal import BatchLedger

extension Session: MappedSchema {
    /// What the mapping in a catalog says that this database does not have.
    public func mappingMistakes(folder: String) throws(BatchError) -> [Diagnostic] {
        try reading { () throws(BatchError) in try Catalog.mappingMistakes(folder: folder, against: self) }
    }

    public func mappedNames() throws(BatchError) -> [String] {
        try connection.rows(
            """
            SELECT name FROM main.sqlite_schema WHERE type IN ('table', 'view')
            AND name NOT LIKE 'batchmgr\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name
            """
        ).compactMap(\.first?.string)
    }

    public func mappedTable(_ name: String) throws(BatchError) -> MappedTable? {
        let sql = "SELECT type FROM main.sqlite_schema WHERE lower(name) = lower(?) AND type IN ('table', 'view')"
        guard let type = try connection.value(sql, [.string(name)])?.string else { return nil }
        let triggers = try connection.value(
            "SELECT count(*) FROM main.sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(?)",
            [.string(name)])
        let columns = try connection.rows("SELECT name, pk, hidden FROM pragma_table_xinfo(?)", [.string(name)])
        func text(_ row: [SQLValue]) -> String { row[0].string ?? "" }
        let primary = columns.filter { ($0[1].integer ?? 0) > 0 }.map { text($0).lowercased() }
        var keys = primary.isEmpty ? [] : [Set(primary)]
        for index in try connection.rows(
            #"SELECT name FROM pragma_index_list(?) WHERE "unique" = 1 AND partial = 0"#, [.string(name)])
        {
            let parts = try connection.rows("SELECT name FROM pragma_index_info(?)", [index[0]])
            // An expression has no name.
            if parts.allSatisfy({ !$0[0].isNull }) { keys.append(Set(parts.map { text($0).lowercased() })) }
        }
        return MappedTable(
            isReadOnly: type == "view" && triggers?.integer == 0, columns: columns.map(text),
            computed: Set(columns.filter { [2, 3].contains($0[2].integer ?? 0) }.map { text($0).lowercased() }),
            keys: keys)
    }

    public var mappedTenantColumn: String? { database.policy.tenantColumn }

    public func isStrange(_ expression: String, asTenantOf table: MappedTable, _ name: String) -> Bool? {
        guard let column = database.policy.tenantColumn else { return nil }
        let place = SQLName.quote(name)
        let known = table.columns.contains { SQLName.areSame($0, column) }
        let sql: String
        if known {
            sql = "SELECT \(expression) IS \(place).\(SQLName.quote(column)) FROM \(place) LIMIT 1000"
        } else {
            let tables = (try? SchemaReader(connection).tables()) ?? []
            let owners = tables.filter { $0.ownerColumn(named: column) != nil }.map {
                "SELECT \(SQLName.quote(column)) FROM \(SQLName.quote($0.name))"
            }
            guard !owners.isEmpty else { return nil }
            sql =
                "SELECT \(expression) IN (\(owners.joined(separator: " UNION "))) FROM \(place) "
                + "WHERE \(expression) IS NOT NULL LIMIT 1000"
        }
        guard let rows = try? connection.rows(sql), !rows.isEmpty else { return nil }
        return known ? rows.contains { $0[0].integer == 0 } : !rows.contains { $0[0].integer == 1 }
    }

    public func objection(to query: String) -> String? {
        do throws(BatchError) {
            _ = try connection.prepare(query, isVerbatim: true)
            return nil
        } catch {
            return error.saidBySQLite ?? error.message
        }
    }
}
