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
