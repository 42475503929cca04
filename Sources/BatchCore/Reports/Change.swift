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
