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

extension Mapping {
    /// The SQL functions that a session has for them.
    public static let checksums = ["sha256", "sha1", "md5", "xxh3"]
}
