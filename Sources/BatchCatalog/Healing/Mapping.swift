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
    /// There are mistakes in its file, so it says nothing.
    let isBroken: Bool

    public init(_ concepts: [String: Concept] = [:], isBroken: Bool = false) {
        self.concepts = concepts
        self.isBroken = isBroken
    }

    /// The fields that DESIGN gives each concept; a workspace may add others.
    static let fields: [(concept: String, fields: [String])] = [
        ("invoices", ["tenant", "number", "total", "status", "open", "paid"]),
        ("payments", ["tenant", "invoice", "amount", "reference"]),
        ("documents", ["tenant", "file", "sha256"]),
        ("files", ["tenant", "name", "size", "sha256", "content", "folder"]),
        ("subscriptions", ["tenant", "customer", "plan", "started", "ended"]),
        ("entitlements", ["tenant", "customer", "feature", "subscription", "active", "expires"]),
        ("cache", ["tenant", "payload", "checksum", "algorithm"]),
        ("search", ["content"]),
        ("roles", ["tenant", "user", "role", "ranks"]),
        ("routes", ["tenant", "path", "feature", "active"]),
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
        guard let concept = concepts[placeholder.concept] else { return nil }
        guard let name = placeholder.field else { return SQLName.quote(concept.table) }
        switch name {
        case "key": return concept.keySQL
        case "key_text": return concept.keyText
        case "where": return concept.condition.map { "(\($0))" } ?? "(1)"
        case "valid" where concept.fields["valid"] == nil: return concept.isValid
        default: return concept.fields[name]?.sql
        }
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
