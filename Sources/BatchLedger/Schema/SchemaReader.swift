public import BatchCore
internal import CSQLite

/// Reads the schema of the main database. The ledger's own tables are left out everywhere.
public struct SchemaReader {
    let connection: Connection

    public init(_ connection: Connection) { self.connection = connection }

    /// The schema cookie: another one after every change.
    public func version() throws(BatchError) -> Int64 {
        try connection.value("PRAGMA main.schema_version")?.integer ?? 0
    }

    /// Everything in `sqlite_schema` but the ledger, in schema order.
    public func objects() throws(BatchError) -> [SchemaObject] {
        let statement = try connection.cached(
            "SELECT rowid, type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY rowid")
        defer { statement.reset() }
        var objects: [SchemaObject] = []
        let ledger = connection.ledgerNames
        while try statement.step() {
            let name = statement.value(2).string ?? ""
            if ledger.isLedger(name) { continue }
            let tableName = statement.value(3).string ?? ""
            if ledger.isLedger(tableName) { continue }
            objects.append(
                SchemaObject(
                    rowid: statement.value(0).integer ?? 0, type: statement.value(1).string ?? "", name: name,
                    tableName: tableName, sql: statement.value(4).string))
        }
        return objects
    }

    /// `user_version` and `application_id`, where they are set.
    public func settings() throws(BatchError) -> [SchemaObject] {
        var found: [SchemaObject] = []
        for name in SchemaObject.settings {
            let value = try connection.value("PRAGMA main.\(name)")?.integer ?? 0
            if let object = SchemaObject.setting(name, value) { found.append(object) }
        }
        return found
    }

    /// All that the digest of the schema stands for.
    public func objectsAndSettings() throws(BatchError) -> [SchemaObject] { try objects() + settings() }

    public func digest() throws(BatchError) -> Digest { StateDigest.schemaDigest(try objectsAndSettings()) }

    /// All tables that hold rows of their own, in schema order: ordinary, shadow and system tables, not virtual ones.
    public func tables() throws(BatchError) -> [TableLayout] {
        let kinds = try tableKinds()
        let virtual = kinds.values.filter { $0.type == "virtual" }.map(\.name)
        var layouts: [TableLayout] = []
        for object in try objects() where object.type == "table" {
            let kind = kinds[object.name]
            if kind?.type == "virtual" || object.isVirtualTable { continue }
            layouts.append(try layout(object, kind: kind, virtual: virtual))
        }
        return layouts
    }

    /// The text that a table was made with. Upper and lower case of the name do not matter.
    func text(ofTable name: String) throws(BatchError) -> String? {
        try connection.value(
            "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE", [.string(name)]
        )?.string
    }

    /// One table, without reading the rest of the schema. Upper and lower case do not matter.
    /// Nil when there is no such table, or it is a view or a virtual table.
    public func layout(named name: String) throws(BatchError) -> TableLayout? {
        let found = try connection.rows(
            "SELECT rowid, name, sql FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE",
            [.string(name)])
        guard let row = found.first, let exact = row[1].string else { return nil }
        let kinds = try connection.rows(
            "SELECT type, wr, strict FROM pragma_table_list(?) WHERE schema = 'main'", [.string(exact)])
        let kind = kinds.first.map { kind in
            Kind(
                name: exact, type: kind[0].string ?? "", isWithoutRowID: kind[1].integer == 1,
                isStrict: kind[2].integer == 1)
        }
        let object = SchemaObject(
            rowid: row[0].integer ?? 0, type: "table", name: exact, tableName: exact, sql: row[2].string)
        if kind?.type == "virtual" || object.isVirtualTable { return nil }
        let virtual = kind?.type == "shadow" ? try virtualTables().map(\.name) : []
        return try layout(object, kind: kind, virtual: virtual)
    }

    /// Names of the virtual tables with their CREATE text.
    public func virtualTables() throws(BatchError) -> [SchemaObject] {
        try objects().filter(\.isVirtualTable)
    }

    // MARK: One table

    private struct Kind {
        let name: String
        let type: String
        let isWithoutRowID: Bool
        let isStrict: Bool
    }

    private func tableKinds() throws(BatchError) -> [String: Kind] {
        var kinds: [String: Kind] = [:]
        for row in try connection.rows("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'") {
            guard let name = row[0].string, let type = row[1].string else { continue }
            kinds[name] = Kind(
                name: name, type: type, isWithoutRowID: row[2].integer == 1, isStrict: row[3].integer == 1)
        }
        return kinds
    }

    private func layout(_ object: SchemaObject, kind: Kind?, virtual: [String]) throws(BatchError) -> TableLayout {
        let columns = try self.columns(object.name)
        let indexes = try uniqueIndexes(object.name, columns: columns)
        let primary = columns.indices.filter { columns[$0].primaryKeyPosition > 0 }
            .sorted { columns[$0].primaryKeyPosition < columns[$1].primaryKeyPosition }
        let isWithoutRowID = kind?.isWithoutRowID ?? false
        // An INTEGER PRIMARY KEY needs no index of its own; every other primary key of a rowid table has one. This also
        // tells "INTEGER PRIMARY KEY DESC", which is no alias of the rowid.
        let alias = !isWithoutRowID && primary.count == 1 && !indexes.contains { $0.isPrimaryKey } ? primary[0] : nil
        let sql = object.sql ?? ""
        return TableLayout(
            name: object.name, columns: columns,
            key: isWithoutRowID ? .primaryKey(primary) : .rowid(alias: rowidAlias(columns, integerPrimaryKey: alias)),
            integerPrimaryKey: alias, isStrict: kind?.isStrict ?? false,
            isAutoincrement: alias != nil && sql.uppercased().contains("AUTOINCREMENT"),
            role: role(object.name, kind: kind, virtual: virtual), uniqueIndexes: indexes,
            foreignKeys: try foreignKeys(object.name, columns: columns), sql: sql)
    }

    private func role(_ name: String, kind: Kind?, virtual: [String]) -> TableLayout.Role {
        if name.hasPrefix("sqlite_") { return .system }
        guard kind?.type == "shadow" else { return .ordinary }
        let owner = virtual.filter { name.hasPrefix($0 + "_") }.max { $0.utf8.count < $1.utf8.count }
        return .shadow(of: owner ?? name)
    }

    private func rowidAlias(_ columns: [Column], integerPrimaryKey: Int?) -> String? {
        if let integerPrimaryKey { return columns[integerPrimaryKey].name }
        let taken = Set(columns.map { $0.name.lowercased() })
        return ["rowid", "_rowid_", "oid"].first { !taken.contains($0) }
    }

    private func columns(_ table: String) throws(BatchError) -> [Column] {
        let sql =
            "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?, 'main') ORDER BY cid"
        return try connection.rows(sql, [.string(table)]).map { row in
            let type = row[1].string ?? ""
            let generated: Column.Generated =
                switch row[5].integer {
                case 2: .virtual
                case 3: .stored
                default: .no
                }
            return Column(
                name: row[0].string ?? "", declaredType: type,
                hasRealAffinity: Column.hasRealAffinity(declaredType: type), isNotNull: row[2].integer == 1,
                hasDefault: !row[3].isNull, generated: generated, primaryKeyPosition: Int(row[4].integer ?? 0))
        }
    }

    private func uniqueIndexes(_ table: String, columns: [Column]) throws(BatchError) -> [TableLayout.UniqueIndex] {
        let list = """
            SELECT l.name, l.origin, l.partial, s.sql FROM pragma_index_list(?, 'main') l \
            LEFT JOIN main.sqlite_schema s ON s.type = 'index' AND s.name = l.name WHERE l."unique" ORDER BY l.seq DESC
            """
        var indexes: [TableLayout.UniqueIndex] = []
        for row in try connection.rows(list, [.string(table)]) {
            let name = row[0].string ?? ""
            let terms = try connection.rows(
                "SELECT cid, coll FROM pragma_index_xinfo(?, 'main') WHERE key ORDER BY seqno", [.string(name)])
            let text = row[3].string.flatMap(SQLText.index)
            let positions = terms.map { term -> Int? in
                guard let position = term[0].integer, position >= 0, position < columns.count else { return nil }
                return Int(position)
            }
            indexes.append(
                TableLayout.UniqueIndex(
                    name: name,
                    columns: positions,
                    terms: positions.enumerated().map { place, position in
                        position.map { columns[$0].name } ?? text.flatMap {
                            $0.terms.indices.contains(place) ? $0.terms[place] : nil
                        } ?? ""
                    },
                    collations: terms.map { $0[1].string ?? "BINARY" }, isPartial: row[2].integer == 1,
                    condition: text?.condition,
                    isPrimaryKey: row[1].string == "pk"))
        }
        return indexes
    }

    /// What changes no child.
    private static let inactive = ["NO ACTION", "RESTRICT"]

    private func foreignKeys(_ table: String, columns: [Column]) throws(BatchError) -> [TableLayout.ForeignKey] {
        let sql = """
            SELECT id, "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list(?, 'main') ORDER BY id, seq
            """
        var keys: [TableLayout.ForeignKey] = []
        var current: Int64?
        for row in try connection.rows(sql, [.string(table)]) {
            let from = row[2].string?.lowercased()
            guard let position = columns.firstIndex(where: { $0.name.lowercased() == from }) else { continue }
            let to = row[3].string.map { [$0] } ?? []
            if row[0].integer == current, let last = keys.popLast() {
                keys.append(
                    TableLayout.ForeignKey(
                        id: last.id, parent: last.parent, columns: last.columns + [position],
                        parentColumns: last.parentColumns + to, hasAction: last.hasAction)
                )
            } else {
                keys.append(
                    TableLayout.ForeignKey(
                        id: Int(row[0].integer ?? 0), parent: row[1].string ?? "", columns: [position],
                        parentColumns: to,
                        hasAction: row[4...5].contains { !SchemaReader.inactive.contains($0.string ?? "") }))
            }
            current = row[0].integer
        }
        return keys
    }
}

extension Connection {
    /// What the text of a column is compared by; nil for a column that is not there.
    /// See https://www.sqlite.org/c3ref/table_column_metadata.html
    public func collation(of column: String, in table: String) -> String? {
        var name: UnsafePointer<CChar>?
        let code = sqlite3_table_column_metadata(handle, "main", table, column, nil, &name, nil, nil, nil)
        return code == SQLITE_OK ? name.map { String(cString: $0) } : nil
    }
}
