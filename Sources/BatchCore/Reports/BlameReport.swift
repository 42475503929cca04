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
