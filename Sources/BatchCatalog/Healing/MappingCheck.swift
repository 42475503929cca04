public import BatchCore

/// A database that `mapping.yaml` is held against.
public protocol MappedSchema {
    /// Of tables and views.
    func mappedNames() throws(BatchError) -> [String]
    /// Nil when there is none of that name.
    func mappedTable(_ name: String) throws(BatchError) -> MappedTable?
    /// What SQLite says against a query; nil when it could be asked.
    func objection(to query: String) -> String?
    /// The column that says whose a row is, in every table of tenants; nil where there are no tenants.
    var mappedTenantColumn: String? { get }
    /// Whether an expression has, in some row of the first of a table, another value than the column of tenants; in a table
    /// without that column, none but values that are no tenant's. Nil when there are no rows to look at.
    func isStrange(_ expression: String, asTenantOf table: MappedTable, _ name: String) -> Bool?
}

/// What a database says about a table that `mapping.yaml` names.
public struct MappedTable: Hashable, Sendable {
    /// A view that no trigger makes writable.
    public var isReadOnly: Bool
    public var columns: [String]
    /// Of these, those that are computed.
    public var computed: Set<String>
    /// Columns that name one row, each in lower case.
    public var keys: [Set<String>]

    public init(isReadOnly: Bool, columns: [String], computed: Set<String>, keys: [Set<String>]) {
        self.isReadOnly = isReadOnly
        self.columns = columns
        self.computed = computed
        self.keys = keys
    }
}

extension Catalog {
    /// What a mapping says that the database does not have. Mistakes of the file itself are told elsewhere.
    public static func mappingMistakes(
        folder: String, against schema: some MappedSchema
    ) throws(BatchError) -> [Diagnostic] {
        for name in MappingReader.fileNames {
            let path = FolderText.join(folder, name)
            guard FolderText.exists(path),
                case .text(let text) = try FolderText.read(path, limit: YAMLDocument.largestSize)
            else { continue }
            let (mapping, source) = MappingReader.read(text: text, file: FolderText.shown(path))
            guard !mapping.isBroken, let root = try? YAMLDocument.read(text) else { return [] }
            let fresh = SourceText(file: source.file, text: text, code: .invalidCatalog)
            var check = MappingCheck(schema: schema, source: fresh)
            for entry in root.entries {
                if entry.key == "search" {
                    let nodes = entry.value.elements.isEmpty ? [entry.value] : entry.value.elements
                    for (node, concept) in zip(nodes, mapping.searches) { try check.check(search: node, concept) }
                } else if let concept = mapping.concepts[entry.key] {
                    try check.check(entry, concept)
                }
            }
            return check.source.diagnostics
        }
        return []
    }
}

private struct MappingCheck<Schema: MappedSchema> {
    let schema: Schema
    var source: SourceText

    /// Fields that are no columns: how a checksum is made, where files lie.
    private static var words: Set<String> { ["algorithm", "folder"] }

    mutating func check(_ entry: YAMLNode.Entry, _ concept: Mapping.Concept) throws(BatchError) {
        guard let place = entry.value["table"] else { return }
        guard let table = try schema.mappedTable(concept.table) else {
            let meant = Suggestion.clause(for: concept.table, in: try schema.mappedNames())
            return source.report(place, "\(entry.key): the database has no table '\(concept.table)'\(meant)")
        }
        if table.isReadOnly {
            source.report(
                place, "\(entry.key): '\(concept.table)' is a view, and no repair can write it; name its table")
        }
        let known = Set(table.columns.map { $0.lowercased() })
        checkKey(entry, concept, table, known)
        for field in entry.value.entries where !["table", "key", "where"].contains(field.key) {
            checkField(field, of: entry.key, concept, table, known)
            if field.key == "tenant" { checkTenant(field, of: entry.key, concept, table, known) }
        }
        checkCondition(entry.value, concept, entry.key)
    }

    /// A full-text index: `table` is its own, and the key, tenant and condition are of the table that it is of.
    mutating func check(search node: YAMLNode, _ concept: Mapping.Concept) throws(BatchError) {
        guard let place = node["table"] else { return }
        guard try schema.mappedTable(concept.table) != nil else {
            let meant = Suggestion.clause(for: concept.table, in: try schema.mappedNames())
            return source.report(place, "search: the database has no table '\(concept.table)'\(meant)")
        }
        if case .expression? = concept.fields["indexed"] {
            ask("SELECT \(concept.indexed) LIMIT 0", node["indexed"] ?? place, "search.indexed")
        } else if schema.objection(to: "SELECT * FROM \(concept.indexed) LIMIT 0") != nil {
            source.report(
                place,
                "search: '\(concept.table)' is not a full-text index that keeps a list of its rows; "
                    + "write one as indexed: (SELECT …)"
            )
        }
        let text = SQLName.quote(concept.table + "_content")
        if schema.objection(to: "SELECT * FROM \(text) LIMIT 0") == nil {
            source.report(
                place,
                "search: '\(concept.table)' keeps the text itself: no rebuild brings back a row that it does not have; make it with content='TABLE', or leave it out"
            )
        }
        guard let content = node["content"], case .column(let name)? = concept.fields["content"] else { return }
        guard let table = try schema.mappedTable(name) else {
            let meant = Suggestion.clause(for: name, in: try schema.mappedNames())
            return source.report(content, "search.content: the database has no table '\(name)'\(meant)")
        }
        var rows = concept
        rows.table = name
        let entry = YAMLNode.Entry(key: "search", mark: node.start, value: node)
        let known = Set(table.columns.map { $0.lowercased() })
        checkKey(entry, rows, table, known)
        for field in node.entries where !["table", "key", "where", "content", "indexed"].contains(field.key) {
            checkField(field, of: "search", rows, table, known)
            if field.key == "tenant" { checkTenant(field, of: "search", rows, table, known) }
        }
        checkCondition(node, rows, "search")
    }

    private mutating func checkCondition(_ node: YAMLNode, _ concept: Mapping.Concept, _ name: String) {
        guard let condition = concept.condition, let place = node["where"] else { return }
        ask("SELECT 1 FROM \(SQLName.quote(concept.table)) WHERE (\(condition)) LIMIT 0", place, "\(name).where")
    }

    private mutating func checkKey(
        _ entry: YAMLNode.Entry, _ concept: Mapping.Concept, _ table: MappedTable, _ known: Set<String>
    ) {
        guard let node = entry.value["key"] else { return }
        let missing = concept.key.filter { !known.contains($0.lowercased()) }
        for column in missing {
            let meant = Suggestion.clause(for: column, in: table.columns)
            source.report(node, "\(entry.key).key: table '\(concept.table)' has no column '\(column)'\(meant)")
        }
        guard missing.isEmpty, !table.isReadOnly else { return }
        let key = Set(concept.key.map { $0.lowercased() })
        guard !table.keys.contains(where: { $0.isSubset(of: key) }) else { return }
        source.report(
            node,
            "\(entry.key).key: nothing makes sure that \(concept.key.joined(separator: ", ")) names one row of '\(concept.table)'; name its primary key, or a unique index's columns"
        )
    }

    private mutating func checkField(
        _ field: YAMLNode.Entry, of name: String, _ concept: Mapping.Concept, _ table: MappedTable, _ known: Set<String>
    ) {
        let what = "\(name).\(field.key)"
        switch concept.fields[field.key] {
        case .expression(let sql):
            ask("SELECT \(sql) FROM \(SQLName.quote(concept.table)) LIMIT 0", field.value, what)
        case .column(let column) where !MappingCheck.words.contains(field.key):
            guard known.contains(column.lowercased()) else {
                let meant = Suggestion.clause(for: column, in: table.columns)
                return source.report(
                    field.value, "\(what): table '\(concept.table)' has no column '\(column)'\(meant)")
            }
            if table.computed.contains(column.lowercased()) {
                source.report(
                    field.value,
                    "\(what): column '\(column)' is computed, and no repair can write it; write it in parentheses: (\(column))"
                )
            }
        default: break
        }
    }

    /// A repair is carried out for each tenant that this column names.
    private mutating func checkTenant(
        _ field: YAMLNode.Entry, of name: String, _ concept: Mapping.Concept, _ table: MappedTable, _ known: Set<String>
    ) {
        guard let column = schema.mappedTenantColumn, let value = concept.fields["tenant"] else { return }
        let hasColumn = known.contains(column.lowercased())
        let isStrange: Bool?
        switch value {
        case .column(let own):
            guard known.contains(own.lowercased()), own.lowercased() != column.lowercased() else { return }
            isStrange = schema.isStrange(SQLName.quote(own), asTenantOf: table, concept.table) ?? hasColumn
        case .expression(let sql): isStrange = schema.isStrange(sql, asTenantOf: table, concept.table)
        case .values: return
        }
        guard isStrange == true else { return }
        let meant = hasColumn ? "; did you mean '\(column)'?" : ": its values are not names of tenants"
        source.report(
            field.value, "\(name).tenant: this does not say which tenant a row of '\(concept.table)' belongs to\(meant)"
        )
    }

    private mutating func ask(_ query: String, _ node: YAMLNode, _ what: String) {
        if let said = schema.objection(to: query) { source.report(node, "\(what): \(said)") }
    }
}
