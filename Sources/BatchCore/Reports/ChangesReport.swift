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

    public init(changes: [Change], tables: [TableCounts]) {
        self.changes = changes
        self.tables = tables
    }

    /// Counts the changes by itself.
    public init(changes: [Change]) {
        var counts: [String: RowCounts] = [:]
        for change in changes { counts[change.table, default: RowCounts()] += change.count }
        let tables = counts.map { TableCounts(table: $0.key, rows: $0.value) }
        self.init(changes: changes, tables: tables.sorted { $0.table < $1.table })
    }

    /// The counts alone.
    public var statistics: ChangesReport { ChangesReport(changes: [], tables: tables) }

    public var total: RowCounts { tables.reduce(into: RowCounts()) { $0 += $1.rows } }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let tables = tables.map { JSONValue.object([.init("table", .string($0.table))] + $0.rows.members) }
        return [
            .init("changes", .array(changes.map(\.json))),
            .init("counts", .object(total.members + [.init("tables", .array(tables))])),
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
