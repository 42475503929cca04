/// `rows`
public struct RowsReport: Report, Hashable {
    public struct Row: Hashable, Sendable {
        public let key: RowKey
        /// In the order of `columns`.
        public let values: [SQLValue]

        public init(key: RowKey, values: [SQLValue]) {
            self.key = key
            self.values = values
        }
    }

    public let table: String
    /// As a person would name it.
    public let point: String
    public let commit: String
    public let columns: [String]
    public let rows: [Row]
    public let offset: Int
    public let hasMore: Bool
    /// Of the whole table at that point; nil for one tenant of several.
    public let total: Int?

    public init(
        table: String, point: String, commit: String, columns: [String], rows: [Row], offset: Int, hasMore: Bool,
        total: Int?
    ) {
        self.table = table
        self.point = point
        self.commit = commit
        self.columns = columns
        self.rows = rows
        self.offset = offset
        self.hasMore = hasMore
        self.total = total
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let objects = rows.map { row -> JSONValue in
            ["key": row.key.json, "values": .object(zip(columns, row.values).map { .init($0, $1.json) })]
        }
        return [
            .init("table", .string(table)), .init("point", .string(point)), .init("commit", .string(commit)),
            .init("columns", .array(columns.map(JSONValue.string))), .init("rows", .array(objects)),
            .init("offset", JSONValue(offset)), .init("more", .bool(hasMore)),
            .init("total", total.map { JSONValue($0) } ?? .null),
        ]
    }
}
