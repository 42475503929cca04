import BatchCore
import BatchLedger

/// The net changes between two databases, found by comparing all their rows.
struct DifferenceSource: ChangeSource {
    private(set) var tables: [ChangedTable] = []
    private var changes: [String: [RowChange]] = [:]

    init(from old: Connection, to new: Connection) throws {
        let before = try SchemaReader(old).tables().filter { $0.role != .system }
        let after = try SchemaReader(new).tables().filter { $0.role != .system }
        for layout in before where !after.contains(where: { $0.name == layout.name }) {
            tables.append(ChangedTable(before: layout, after: nil, isRewritten: true))
        }
        for layout in after {
            let earlier = before.first { $0.name == layout.name }
            guard let earlier, earlier.sql == layout.sql else {
                tables.append(ChangedTable(before: earlier, after: layout, isRewritten: true))
                continue
            }
            let found = try DifferenceSource.compare(earlier, old, new)
            if found.isEmpty { continue }
            tables.append(ChangedTable(before: earlier, after: layout, isRewritten: false))
            changes[layout.name] = found
        }
    }

    private static func rows(_ layout: TableLayout, _ connection: Connection) throws -> [RowKey: [SQLValue]] {
        var rows: [RowKey: [SQLValue]] = [:]
        try connection.withVisibleRowid(of: layout) { visible throws(BatchError) in
            let reader = try RowReader(visible, on: connection)
            while let row = try reader.next() { if let key = row.key { rows[key] = row.values } }
        }
        return rows
    }

    private static func compare(_ layout: TableLayout, _ old: Connection, _ new: Connection) throws -> [RowChange] {
        let before = try rows(layout, old)
        let after = try rows(layout, new)
        return Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
            .map { RowChange(key: $0, before: before[$0], after: after[$0]) }
            .sorted { $0.key.order < $1.key.order }
    }

    func forEachChange(of table: ChangedTable, _ body: (RowChange) throws(BatchError) -> Void) throws(BatchError) {
        for change in changes[table.name] ?? [] { try body(change) }
    }
}
