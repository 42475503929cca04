/// What a checkpoint recorded of one table, as far as a policy asks for it.
public struct RecordedWrites: Hashable, Sendable {
    public enum Ownership: Hashable, Sendable {
        /// The table has the tenant column.
        case tenant
        /// It has not, or the database has no tenants.
        case shared
        /// The tenant column is computed, so that no row says itself whose it is.
        case computed
        /// SQLite's own tables: each row is about another table.
        case system
    }

    /// A change of a row that is not the batch's own.
    public struct ForeignRow: Hashable, Sendable {
        public enum Side: Hashable, Sendable {
            /// It belonged to another tenant before.
            case before
            /// It would belong to another tenant afterwards.
            case after
        }

        /// For people: `17`, or `(2, 'x')`.
        public let key: String
        public let side: Side

        public init(key: String, side: Side) {
            self.key = key
            self.side = side
        }
    }

    /// The table; the virtual table when a module wrote what it keeps of its own.
    public var table: String
    public var ownership: Ownership
    public var rows: RowCounts
    /// The first that was met.
    public var foreignRow: ForeignRow?
    /// Protected columns that an UPDATE changed, in lower case.
    public var changedColumns: Set<String>
    /// Rows deleted by earlier checkpoints of the batch.
    public var deletedBefore: Int64
    /// Rows that the table had before the batch.
    public var rowsBefore: Int64

    public init(
        table: String, ownership: Ownership, rows: RowCounts = RowCounts(), foreignRow: ForeignRow? = nil,
        changedColumns: Set<String> = [], deletedBefore: Int64 = 0, rowsBefore: Int64 = 0
    ) {
        self.table = table
        self.ownership = ownership
        self.rows = rows
        self.foreignRow = foreignRow
        self.changedColumns = changedColumns
        self.deletedBefore = deletedBefore
        self.rowsBefore = rowsBefore
    }

    /// What a checkpoint recorded, as far as a policy asks for it.
    public struct Checkpoint: Hashable, Sendable {
        /// Those of tables that the checkpoint itself made are left out.
        public var tables: [RecordedWrites]
        /// Rows changed by this checkpoint and all earlier ones of its batch.
        public var rows: Int64
        /// Tables of which the definition changed, or that of an index or trigger on them; empty without a change of
        /// the schema.
        public var definitions: Set<String>
        public var hasSchemaChange: Bool
        /// Tables that were dropped, with the rows they had.
        public var dropped: [String: Int64]
        /// Tables whose rows said whose they are, and do not any more.
        public var disowned: Set<String>

        public init(
            tables: [RecordedWrites] = [], rows: Int64 = 0, definitions: Set<String> = [],
            hasSchemaChange: Bool = false,
            dropped: [String: Int64] = [:], disowned: Set<String> = []
        ) {
            self.tables = tables
            self.rows = rows
            self.definitions = definitions
            self.hasSchemaChange = hasSchemaChange
            self.dropped = dropped
            self.disowned = disowned
        }
    }
}

/// How much a batch may change before somebody has to look at it.
public struct WriteLimits: Hashable, Sendable {
    /// Rows changed by the whole batch; nil for no limit.
    public var rows: Int64?
    /// The only tables that may change; nil for all.
    public var tables: Set<String>?
    /// Milliseconds of the whole batch; nil for no limit.
    public var milliseconds: Int64?
    /// Share of the rows of a table, 0 to 1, that may be deleted without approval; nil for no limit.
    public var deletedShare: Double?

    public init(
        rows: Int64? = nil, tables: Set<String>? = nil, milliseconds: Int64? = nil, deletedShare: Double? = nil
    ) {
        self.rows = rows
        self.tables = tables
        self.milliseconds = milliseconds
        self.deletedShare = deletedShare
    }

    /// These limits, and those of `other` where these say nothing.
    public func filled(from other: WriteLimits) -> WriteLimits {
        WriteLimits(
            rows: rows ?? other.rows, tables: tables ?? other.tables, milliseconds: milliseconds ?? other.milliseconds,
            deletedShare: deletedShare ?? other.deletedShare)
    }

    /// Names are compared as SQLite compares them.
    func admits(_ table: String) -> Bool { tables?.contains { SQLName.areSame($0, table) } ?? true }

    public var json: JSONValue {
        [
            "rows": rows.map(JSONValue.integer) ?? .null,
            "tables": tables.map { .array($0.sorted().map(JSONValue.string)) } ?? .null,
            "time_ms": milliseconds.map(JSONValue.integer) ?? .null,
            "deleted_share": deletedShare.map(JSONValue.number) ?? .null,
        ]
    }

    /// Nil when a limit that is there cannot be read.
    public init?(json: JSONValue) {
        guard json.members != nil else { return nil }
        let names = json["tables"]?.array
        self.init(
            rows: json["rows"]?.integer, tables: names.map { Set($0.compactMap(\.string)) },
            milliseconds: json["time_ms"]?.integer, deletedShare: json["deleted_share"].flatMap(WriteLimits.number))
        let isRead = [
            rows != nil, tables?.count == names?.count && names != nil, milliseconds != nil, deletedShare != nil,
        ]
        let given = ["rows", "tables", "time_ms", "deleted_share"].map { (json[$0] ?? .null) != .null }
        if isRead != given { return nil }
    }

    private static func number(_ json: JSONValue) -> Double? {
        switch json {
        case .integer(let whole): Double(whole)
        case .number(let number): number
        default: nil
        }
    }
}
