internal import BatchCore

/// Where repair jobs find their things in this schema: `catalog/mapping.yaml`.
///
/// Repair SQL writes `{invoices}` and `{invoices.total}`; what stands for them is put into the text of the job before it is
/// read, so that the definition that is pinned with a batch says what ran.
public struct Mapping: Hashable, Sendable {
    public struct Concept: Hashable, Sendable {
        public var table: String
        /// One column or more.
        public var key: [String]
        /// Field → a column, or an expression in parentheses.
        public var fields: [String: Field]
        /// Limits the rows of the table; nil for all.
        public var condition: String?
    }

    /// What a field is in the table of its concept.
    public enum Field: Hashable, Sendable {
        case column(String)
        /// Read-only.
        case expression(String)
        /// Values of a status, e.g. all that mean "open".
        case values([String])

        /// As it stands in SQL.
        var sql: String {
            switch self {
            case .column(let name): SQLName.quote(name)
            case .expression(let sql): sql
            case .values(let values): "(" + values.map { SQLLiteral.value(.string($0)) }.joined(separator: ", ") + ")"
            }
        }
    }

    public private(set) var concepts: [String: Concept]
    /// The full-text indexes: `search`, which may be a list.
    let searches: [Concept]
    /// Its file cannot be read, so it says nothing.
    let isBroken: Bool
    /// Concepts with mistakes: only they say nothing.
    let brokenConcepts: Set<String>

    /// - Parameter searches: when `search` is a list; then `concepts` has none of that name.
    public init(
        _ concepts: [String: Concept] = [:], searches: [Concept] = [], isBroken: Bool = false,
        brokenConcepts: Set<String> = []
    ) {
        self.concepts = concepts.filter { !brokenConcepts.contains($0.key) }
        self.searches =
            brokenConcepts.contains("search") ? [] : searches + (concepts["search"].map { [$0] } ?? [])
        self.isBroken = isBroken
        self.brokenConcepts = brokenConcepts
    }

    /// The fields that DESIGN gives each concept; a workspace may add others.
    static let fields: [(concept: String, fields: [String])] = [
        ("invoices", ["tenant", "number", "total", "status", "open", "paid"]),
        ("invoice_lines", ["tenant", "invoice", "quantity", "price", "amount"]),
        ("ledger_entries", ["tenant", "journal", "debit", "credit", "source"]),
        ("payments", ["tenant", "invoice", "amount", "reference"]),
        ("documents", ["tenant", "file", "sha256"]),
        ("files", ["tenant", "name", "size", "sha256", "content", "folder"]),
        ("subscriptions", ["tenant", "customer", "plan", "started", "ended", "status", "active"]),
        ("entitlements", ["tenant", "customer", "feature", "subscription", "active", "expires"]),
        ("cache", ["tenant", "payload", "checksum", "algorithm"]),
        ("search", ["tenant", "content", "indexed"]),
        ("roles", ["tenant", "user", "role", "ranks"]),
        ("routes", ["tenant", "path", "feature", "active"]),
        ("quotas", ["tenant", "used", "due"]),
        ("reminders", ["tenant", "status", "failed", "due"]),
    ]

    static let names = fields.map(\.concept)
}

// MARK: Placeholders

extension Mapping {
    /// `{invoices.total}` in a text: characters from `start` to `end`.
    struct Placeholder {
        let range: Range<String.Index>
        let concept: String
        /// Nil for the table itself.
        let field: String?

        var text: String { field.map { "{\(concept).\($0)}" } ?? "{\(concept)}" }
    }

    /// Only names of concepts count: `{tenant}` in a command and a YAML mapping in braces stay what they are.
    static func placeholders(in text: String) -> [Placeholder] {
        var found: [Placeholder] = []
        var index = text.startIndex
        while let open = text[index...].firstIndex(of: "{") {
            index = text.index(after: open)
            guard let close = text[index...].firstIndex(where: { !isNameCharacter($0) }), text[close] == "}" else {
                continue
            }
            let parts = text[index..<close].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard let concept = parts.first, names.contains(concept), parts.count <= 2 else { continue }
            let range = open..<text.index(after: close)
            found.append(Placeholder(range: range, concept: concept, field: parts.count == 2 ? parts[1] : nil))
            index = range.upperBound
        }
        return found
    }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "_" || character == ".")
    }

    /// What stands for a placeholder; nil when the mapping does not say it.
    func sql(_ placeholder: Placeholder) -> String? {
        if placeholder.concept == "search", !isBroken, !brokenConcepts.contains("search") {
            switch placeholder.field {
            case "tables": return searches.map { SQLName.quote($0.table) }.joined(separator: ", ")
            case "wrong": return wrongInSearches
            case "rebuild": return rebuilding
            default: break
            }
        }
        guard let concept = concepts[placeholder.concept] else { return nil }
        guard let name = placeholder.field else { return SQLName.quote(concept.table) }
        switch name {
        case "key": return concept.keySQL
        case "key_text": return concept.keyText
        case "where": return concept.condition.map { "(\($0))" } ?? "(1)"
        case "key_columns": return concept.key.map { SQLName.quote($0) }.joined(separator: ", ")
        case "valid" where concept.fields["valid"] == nil: return concept.isValid
        case "error" where placeholder.concept == "cache": return concept.readError
        case "stored" where placeholder.concept == "cache" && concept.fields["stored"] == nil: return concept.keyText
        case "due" where placeholder.concept == "entitlements" && concept.fields["due"] == nil: return entitled(concept)
        case _ where placeholder.concept == "files" && concept.fields[name]?.isColumn != true:
            return FilesConcept(concept).sql(name) ?? concept.fields[name]?.sql
        case _ where placeholder.concept == "roles" && name.hasSuffix("_rank"):
            return concept.rank(of: String(name.dropLast("_rank".count)))
        default: return concept.fields[name]?.sql
        }
    }

    /// Whether an entitlement holds: it has not expired, and its subscription is active where the mapping knows it. Nil
    /// when it knows neither.
    private func entitled(_ entitlements: Concept) -> String? {
        func today(_ concept: Concept?) -> String { concept?.fields["today"]?.sql ?? "(date('now'))" }
        func isLater(_ end: String, _ concept: Concept?) -> String { "(\(end) IS NULL OR \(end) >= \(today(concept)))" }
        var conditions: [String] = []
        if let expires = entitlements.place(of: "expires") { conditions.append(isLater(expires, entitlements)) }
        if let subscription = entitlements.place(of: "subscription"), let own = concepts["subscriptions"],
            let key = own.key.first, own.key.count == 1
        {
            let table = SQLName.quote(own.table)
            var active = ["\(table).\(SQLName.quote(key)) = \(subscription)"]
            if let mine = entitlements.place(of: "tenant"), let its = own.place(of: "tenant") {
                active.append("\(its) IS \(mine)")
            }
            if let status = own.place(of: "status"), case .values? = own.fields["active"] {
                active.append("\(status) IN \(own.fields["active"]?.sql ?? "()")")
            }
            if let ended = own.place(of: "ended") { active.append(isLater(ended, own)) }
            let exists = "EXISTS (SELECT 1 FROM \(table) WHERE \(active.joined(separator: " AND ")))"
            conditions.append("(\(subscription) IS NULL OR \(exists))")
        }
        return conditions.isEmpty ? nil : "(\(conditions.joined(separator: " AND ")))"
    }

    // MARK: Full-text indexes

    /// A table of what is wrong in them: `tenant`, `key` and `reason`. Nil when nothing says what one is an index of.
    private var wrongInSearches: String? {
        let none = "SELECT NULL AS tenant, NULL AS key, NULL AS reason WHERE 0"
        var parts = [none]
        for search in searches {
            guard let wrong = wrong(in: search) else { return nil }
            parts.append(wrong)
        }
        return "(\(parts.joined(separator: " UNION ALL ")))"
    }

    /// Rows that the index does not have, and what it has without a row.
    private func wrong(in search: Concept) -> String? {
        guard let rows = searched(by: search) else { return nil }
        let indexed = search.indexed
        func reason(_ text: String) -> String { SQLLiteral.value(.string("\(text) \(search.table)")) }
        let own = "FROM \(SQLName.quote(rows.table)) WHERE \(rows.condition.map { "(\($0))" } ?? "1")"
        let held = "(SELECT NULL AS k WHERE 0 UNION ALL SELECT * FROM \(indexed))"
        return """
            SELECT \(rows.fields["tenant"]?.sql ?? "NULL"), \(rows.keyText), \(reason("not in the full-text index")) \(own) \
            AND \(rows.keySQL) NOT IN \(indexed) UNION ALL \
            SELECT NULL, k, \(reason("without a row, and in the full-text index")) FROM \(held) \
            WHERE k NOT IN (SELECT \(rows.keySQL) \(own))
            """
    }

    /// What an index is of: its `content`, or the documents.
    private func searched(by search: Concept) -> Concept? {
        guard case .column(let content)? = search.fields["content"] else {
            return search.fields["content"] == nil ? concepts["documents"] : nil
        }
        var rows = search
        rows.table = content
        if rows.key.isEmpty { rows.key = ["rowid"] }
        return rows
    }

    /// Statements that make each of them anew where something is wrong in it; one that does nothing when there are none.
    private var rebuilding: String {
        let statements = searches.compactMap { search in
            let table = SQLName.quote(search.table)
            return wrong(in: search).map { "INSERT INTO \(table)(\(table)) SELECT 'rebuild' WHERE EXISTS (\($0))" }
        }
        return statements.isEmpty ? "SELECT 1" : statements.joined(separator: "; ")
    }

    /// The text with everything filled in, line by line as before, and the placeholders that the mapping does not know.
    func fill(_ text: String) -> (text: String, unknown: [Placeholder]) {
        var (filled, unknown) = ("", [Placeholder]())
        var index = text.startIndex
        for placeholder in Mapping.placeholders(in: text) {
            filled += text[index..<placeholder.range.lowerBound]
            index = placeholder.range.upperBound
            guard let sql = sql(placeholder) else {
                unknown.append(placeholder)
                filled += "NULL"
                continue
            }
            // `{invoices}.{invoices.total}` names the column of the table; an expression needs no table.
            if placeholder.field.map({ concepts[placeholder.concept]?.fields[$0]?.isColumn == false }) == true {
                let table = SQLName.quote(concepts[placeholder.concept]?.table ?? "") + "."
                if filled.hasSuffix(table) { filled.removeLast(table.count) }
            }
            filled += sql
        }
        return (filled + text[index...], unknown)
    }
}

extension Mapping.Field {
    var isColumn: Bool { if case .column = self { true } else { false } }
}

extension Mapping.Concept {
    /// For `search`: the keys that the index holds, as FTS5 and FTS4 keep them.
    var indexed: String {
        fields["indexed"]?.sql ?? "(SELECT rowid FROM \(SQLName.quote(table + "_docsize")))"
    }

    /// One column, or a row of several.
    var keySQL: String {
        let names = key.map { SQLName.quote($0) }
        return names.count == 1 ? names[0] : "(\(names.joined(separator: ", ")))"
    }

    /// One value for people: `7`, or `t001/12/export`.
    var keyText: String {
        let names = key.map { SQLName.quote($0) }
        return names.count == 1 ? names[0] : "(\(names.joined(separator: " || '/' || ")))"
    }

    /// A field with its table; an expression names it itself.
    func place(of field: String) -> String? {
        guard let value = fields[field] else { return nil }
        return value.isColumn ? "\(SQLName.quote(table)).\(value.sql)" : value.sql
    }

    /// For `cache`: what SQLite says when a row is read and judged; NULL when it can be.
    var readError: String? {
        guard let valid = fields["valid"]?.sql ?? isValid else { return nil }
        let values = [valid] + (fields["payload"].map { [$0.sql] } ?? [])
        let query = "SELECT \(values.joined(separator: ", ")) FROM \(SQLName.quote(table)) WHERE "
        let parts = key.enumerated().map { index, name in
            let start = (index == 0 ? query : " AND ") + "\(SQLName.quote(name)) IS "
            return "\(SQLLiteral.value(.string(start))) || quote(\(SQLName.quote(table)).\(SQLName.quote(name)))"
        }
        return "read_error(\(parts.joined(separator: " || ")))"
    }

    /// For `roles`: how much the role in a field may, by its place in `ranks`; NULL for one that is not there.
    func rank(of field: String) -> String? {
        guard let role = fields[field]?.sql, case .values(let ranks)? = fields["ranks"], !ranks.isEmpty else {
            return nil
        }
        let cases = ranks.enumerated().map { "WHEN \(SQLLiteral.value(.string($1))) THEN \($0)" }
        return "(CASE \(role) \(cases.joined(separator: " ")) END)"
    }

    /// For `cache`: whether the payload has its checksum.
    var isValid: String? {
        guard let payload = fields["payload"]?.sql else { return nil }
        guard let checksum = fields["checksum"]?.sql, let algorithm = fields["algorithm"] else { return nil }
        if case .expression(let sql) = algorithm { return "(\(checksum) IS \(sql))" }
        guard case .column(let name) = algorithm, Mapping.checksums.contains(name) else { return nil }
        return "(lower(\(checksum)) IS \(name)(\(payload)))"
    }
}

/// What repairs ask of `files`, whether their content is in a column or in a folder of the workspace.
private struct FilesConcept {
    private let concept: Mapping.Concept

    init(_ concept: Mapping.Concept) { self.concept = concept }

    private func field(_ name: String) -> String? { concept.fields[name]?.sql }

    /// Where the files lie; nil when the table has their content.
    private var folder: String? {
        guard case .column(let folder)? = concept.fields["folder"] else { return nil }
        return folder.endsInSlash ? String(folder.dropLast()) : folder
    }

    func sql(_ name: String) -> String? {
        switch name {
        case "belongs": field("belongs") ?? "(1)"
        case "content": folder == nil ? field("content") ?? "NULL" : "NULL"
        case "disk_path": folder == nil ? "NULL" : path
        case "stored_size": storedSize
        case "stored_sha256": storedHash
        case "lost": "(\(storedSize) IS NULL)"
        case "damaged": isDamaged
        case "misfit": isMisfit
        case "unknown": unknown
        default: nil
        }
    }

    private var path: String {
        "(\(SQLLiteral.value(.string((folder ?? "") + "/"))) || \(field("name") ?? "NULL"))"
    }

    /// NULL where there is no content.
    private var storedSize: String {
        if folder != nil { return "file_size\(path)" }
        guard let content = field("content") else { return "(0)" }
        let empty = field("size").map { "CASE WHEN \($0) = 0 THEN 0 END" } ?? "NULL"
        return "coalesce(length(CAST(\(content) AS BLOB)), \(empty))"
    }

    private var storedHash: String {
        folder != nil ? "file_sha256\(path)" : "sha256(coalesce(\(field("content") ?? "NULL"), x''))"
    }

    private var isDamaged: String {
        guard folder != nil || field("content") != nil, let hash = field("sha256") else { return "(0)" }
        return "(\(hash) IS NOT NULL AND \(storedSize) IS NOT NULL AND lower(\(hash)) <> \(storedHash))"
    }

    private var isMisfit: String {
        guard folder != nil || field("content") != nil, let size = field("size") else { return "(0)" }
        return "(\(storedSize) IS NOT NULL AND \(size) IS NOT \(storedSize))"
    }

    /// A table of the files that no row names: `name`, `path`, and as `tenant` the first folder of the name.
    private var unknown: String {
        guard let folder, let name = field("name") else {
            return "(SELECT NULL AS name, NULL AS path, NULL AS tenant WHERE 0)"
        }
        let place = SQLLiteral.value(.string(folder))
        return """
            (SELECT value AS name, \(place) || '/' || value AS path, substr(value, 1, instr(value, '/') - 1) AS tenant \
            FROM json_each(files_below(\(place))) \
            WHERE value NOT IN (SELECT \(name) FROM \(SQLName.quote(concept.table)) WHERE \(name) IS NOT NULL))
            """
    }
}

extension Mapping {
    /// The SQL functions that a session has for them.
    public static let checksums = ["sha256", "sha1", "md5", "xxh3"]
}
