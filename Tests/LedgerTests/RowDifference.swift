import BatchCore
import BatchLedger
import TestSupport
import Testing

/// The rows that differ between two databases, found by reading both whole.
struct RowDifference {
    private let before: Connection
    private let after: Connection

    init(_ before: Connection, _ after: Connection) {
        self.before = before
        self.after = after
    }

    /// The recorded changes of a run are exactly these rows.
    func expectEqual(to run: Bench.Run, of bench: Bench) throws {
        let checkpoints = try bench.ledger.checkpoints(of: run.record.seq).map(\.id)
        let changes = try BatchChanges(bench.ledger, checkpoints: checkpoints)
        for layout in try SchemaReader(before).tables() where layout.role == .ordinary {
            guard let now = try SchemaReader(after).layout(named: layout.name), now.sql == layout.sql else { continue }
            let (old, new) = (try rows(layout, before), try rows(layout, after))
            var expected: Set<RowChange> = []
            for key in Set(old.keys).union(new.keys) where old[key] != new[key] {
                expected.insert(RowChange(key: key, before: old[key], after: new[key]))
            }
            var found: Set<RowChange> = []
            var orders: [UInt64] = []
            let table = changes.tables.first { $0.name == layout.name }
            if let table, !table.isRewritten {
                try changes.forEachChange(of: table) { change in
                    found.insert(change)
                    orders.append(change.key.order)
                }
            }
            if table?.isRewritten == true { continue }
            #expect(found == expected, "changes of table \(layout.name)")
            #expect(orders == orders.sorted(), "order of changes of table \(layout.name)")
        }
    }

    private func rows(_ layout: TableLayout, _ connection: Connection) throws -> [RowKey: [SQLValue]] {
        try connection.withVisibleRowid(of: layout) { (visible) throws(BatchError) in
            var rows: [RowKey: [SQLValue]] = [:]
            let reader = try RowReader(visible, on: connection)
            while let (key, values) = try reader.next() { if let key { rows[key] = values } }
            return rows
        }
    }
}
