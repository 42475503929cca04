/// `diff`, and the preview of a dry run.
public struct ChangesReport: Report, Hashable {
    public struct TableCounts: Hashable, Sendable {
        public let table: String
        public let rows: RowCounts

        public init(table: String, rows: RowCounts) {
            self.table = table
            self.rows = rows
        }
    }

    /// Empty when only the counts were asked for.
    public let changes: [Change]
    /// By name of table.
    public let tables: [TableCounts]
    /// Tables, indexes, views and triggers that came, went or changed; tables first.
    public var schema: [SchemaObjectChange] = []

    public init(changes: [Change], tables: [TableCounts], schema: [SchemaObjectChange] = []) {
        self.changes = changes
        self.tables = tables
        self.schema = schema
    }

    /// Counts the changes by itself.
    public init(changes: [Change]) {
        var counts: [String: RowCounts] = [:]
        for change in changes { counts[change.table, default: RowCounts()] += change.count }
        let tables = counts.map { TableCounts(table: $0.key, rows: $0.value) }
        self.init(changes: changes, tables: tables.sorted { $0.table < $1.table })
    }

    /// The counts alone.
    public var statistics: ChangesReport { ChangesReport(changes: [], tables: tables, schema: schema) }

    public var isEmpty: Bool { total.total == 0 && schema.isEmpty }

    public var total: RowCounts { tables.reduce(into: RowCounts()) { $0 += $1.rows } }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let tables = tables.map { JSONValue.object([.init("table", .string($0.table))] + $0.rows.members) }
        return [
            .init("changes", .array(changes.map(\.json))),
            .init("counts", .object(total.members + [.init("tables", .array(tables))])),
            .init("schema", .array(schema.map(\.json))),
        ]
    }
}

/// A table, index, view or trigger that came, went, or is defined otherwise.
public struct SchemaObjectChange: Hashable, Sendable {
    /// `table`, `index`, `view` or `trigger`.
    public let type: String
    public let name: String
    /// The SQL that makes it, as the schema keeps it; nil where it is not there.
    public let before: String?
    public let after: String?

    public init(type: String, name: String, before: String?, after: String?) {
        self.type = type
        self.name = name
        self.before = before
        self.after = after
    }

    public var operation: String { before == nil ? "create" : after == nil ? "drop" : "alter" }

    var json: JSONValue {
        [
            "op": .string(operation), "object": .string("\(type) \(name)"), "before": JSONValue(before),
            "after": JSONValue(after),
        ]
    }
}

extension Change {
    public var count: RowCounts {
        switch operation {
        case .insert: RowCounts(inserted: 1)
        case .update: RowCounts(updated: 1)
        case .delete: RowCounts(deleted: 1)
        }
    }
}

/// One changed row, for people and programs.
public struct Change: Hashable, Sendable {
    public enum Operation: String, Sendable, CaseIterable {
        case insert
        case update
        case delete
    }

    public struct Field: Hashable, Sendable {
        public let column: String
        public let value: SQLValue

        public init(_ column: String, _ value: SQLValue) {
            self.column = column
            self.value = value
        }
    }

    public let operation: Operation
    public let table: String
    public let key: RowKey
    /// The names of the key's columns: those of the primary key, or one that names the rowid.
    public let keyColumns: [String]
    /// Nil for an insert; for an update the changed columns alone are enough.
    public let before: [Field]?
    /// Nil for a delete.
    public let after: [Field]?

    public init(
        _ operation: Operation, table: String, key: RowKey, keyColumns: [String], before: [Field]?, after: [Field]?
    ) {
        self.operation = operation
        self.table = table
        self.key = key
        self.keyColumns = keyColumns
        self.before = before
        self.after = after
    }

    var json: JSONValue {
        [
            "op": .string(operation.rawValue), "table": .string(table), "key": key.json,
            "before": Change.document(before), "after": Change.document(after),
        ]
    }

    private static func document(_ fields: [Field]?) -> JSONValue {
        fields.map { .object($0.map { .init($0.column, $0.value.json) }) } ?? .null
    }
}

extension Change {
    /// What takes it back.
    public var inverse: Change {
        let operation: Operation =
            switch operation {
            case .insert: .delete
            case .delete: .insert
            case .update: .update
            }
        return Change(operation, table: table, key: key, keyColumns: keyColumns, before: after, after: before)
    }
}

extension SQLValue {
    /// What `json` wrote, to be shown: text that is not valid Unicode stays as it is written there.
    public init(json: JSONValue) {
        func bytes(_ key: String) -> [UInt8]? { json[key]?.string.flatMap { Hex.bytes($0) } }
        switch json {
        case .null: self = .null
        case .integer(let number): self = .integer(number)
        case .number(let number): self = .real(number)
        case .string(let text): self = .string(text)
        default:
            if let blob = bytes("blob") {
                self = .blob(blob)
            } else if let real = json["real"]?.string {
                self = .real(real == "NaN" ? .nan : real == "Inf" ? .infinity : -.infinity)
            } else {
                self = .string(JSONWriter.text(json))
            }
        }
    }

    /// As JSON, without loss: what plain JSON cannot carry becomes an object that names its kind.
    ///
    /// `{"blob":"hex"}`, `{"real":"Inf"}`, and for text that is not valid Unicode `{"text":"hex"}` of its UTF-8 bytes or
    /// `{"text16":"hex"}` of its little-endian UTF-16 bytes.
    public var json: JSONValue {
        switch self {
        case .null: .null
        case .integer(let number): .integer(number)
        case .real(let number) where number.isFinite: .number(number)
        case .real(let number): ["real": .string(number.isNaN ? "NaN" : number > 0 ? "Inf" : "-Inf")]
        case .text(let bytes):
            String(validating: bytes, as: UTF8.self).map(JSONValue.string) ?? ["text": .string(Hex.string(bytes))]
        case .text16(let bytes):
            wholeText16(bytes).map(JSONValue.string) ?? ["text16": .string(Hex.string(bytes))]
        case .blob(let bytes): ["blob": .string(Hex.string(bytes))]
        }
    }

    /// Nil when a surrogate stands alone or a byte is left over.
    private func wholeText16(_ bytes: [UInt8]) -> String? {
        guard bytes.count.isMultiple(of: 2) else { return nil }
        return String(validating: SQLValue.utf16Units(bytes), as: UTF16.self)
    }
}

extension RowKey {
    /// A number for a rowid; a list for the columns of a primary key.
    public var json: JSONValue {
        switch self {
        case .rowid(let number): .integer(number)
        case .values(let values): .array(values.map(\.json))
        }
    }
}

/// `blame`: who gave each column of a row the value that it has.
public struct BlameReport: Report, Hashable {
    /// What set a value.
    public struct Origin: Hashable, Sendable {
        public enum Kind: String, Sendable {
            case batch, rollback, restore, drift
            /// It was there before the first batch.
            case baseline
            /// It is older than what the records tell.
            case unknown
        }

        public let kind: Kind
        /// Nil for what no batch did.
        public let batch: BatchID?
        public let actor: String?
        /// For drift: when it was found; nil while it has not been kept as a restore point yet.
        public let at: Timestamp?

        public init(_ kind: Kind, batch: BatchID? = nil, actor: String? = nil, at: Timestamp? = nil) {
            self.kind = kind
            self.batch = batch
            self.actor = actor
            self.at = at
        }

        var members: [JSONValue.Member] {
            [
                .init("kind", .string(kind.rawValue)), .init("batch", JSONValue(batch?.description)),
                .init("actor", JSONValue(actor)), .init("at", JSONValue(at?.iso8601)),
            ]
        }
    }

    public struct Column: Hashable, Sendable {
        public let name: String
        /// As it is now; of a row that is gone, as it was last.
        public let value: SQLValue
        /// The value before; nil when the row was new, or nothing is known of it.
        public let from: SQLValue?
        public let origin: Origin
        /// The rollback that brought the value back, when one did.
        public let restoredBy: BatchID?

        public init(_ name: String, value: SQLValue, from: SQLValue?, origin: Origin, restoredBy: BatchID?) {
            self.name = name
            self.value = value
            self.from = from
            self.origin = origin
            self.restoredBy = restoredBy
        }

        var json: JSONValue {
            .object(
                [.init("column", .string(name)), .init("value", value.json), .init("from", from?.json ?? .null)]
                    + origin.members + [.init("restored_by", JSONValue(restoredBy?.description))])
        }
    }

    public let table: String
    public let key: RowKey
    /// What removed the row; nil while it is there.
    public let deleted: Origin?
    public let columns: [Column]

    public init(table: String, key: RowKey, deleted: Origin?, columns: [Column]) {
        self.table = table
        self.key = key
        self.deleted = deleted
        self.columns = columns
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("table", .string(table)), .init("key", key.json), .init("exists", .bool(deleted == nil)),
            .init("deleted", deleted.map { .object($0.members) } ?? .null),
            .init("columns", .array(columns.map(\.json))),
        ]
    }
}
