internal import BatchCore
internal import BatchLedger

/// The rows in which two databases differ, found by reading both in the order of keys.
struct DatabaseDifference {
    /// A table as it is in both; nil where it is not there.
    struct Table {
        let before: TableLayout?
        let after: TableLayout?
        var name: String { after?.name ?? before?.name ?? "" }
    }

    let old: Connection
    let new: Connection

    /// Every table of either, by name.
    func tables() throws(BatchError) -> [Table] {
        let before = try SchemaReader(old).tables()
        let after = try SchemaReader(new).tables()
        let names = Set(before.map(\.name)).union(after.map(\.name)).sorted()
        return names.map { name in
            Table(before: before.first { $0.name == name }, after: after.first { $0.name == name })
        }
    }

    /// Tables, indexes, views and triggers that are not the same in both; tables first.
    func schema() throws(BatchError) -> [SchemaObjectChange] {
        DatabaseDifference.schema(from: try SchemaReader(old).objects(), to: try SchemaReader(new).objects())
    }

    /// The objects that came, went or are defined otherwise; those that SQLite makes by itself are left out.
    static func schema(from old: [SchemaObject], to new: [SchemaObject]) -> [SchemaObjectChange] {
        func byName(_ objects: [SchemaObject]) -> [String: SchemaObject] {
            let made = objects.filter { $0.sql != nil && !$0.name.hasPrefix("sqlite_") }
            return Dictionary(made.map { ("\($0.type) \($0.name)", $0) }) { first, _ in first }
        }
        let (was, now) = (byName(old), byName(new))
        let changes = Set(was.keys).union(now.keys).compactMap { name -> SchemaObjectChange? in
            guard let object = now[name] ?? was[name], was[name]?.sql != now[name]?.sql else { return nil }
            return SchemaObjectChange(
                type: object.type, name: object.name, before: was[name]?.sql, after: now[name]?.sql)
        }
        let order = ["table", "view", "index", "trigger"]
        return changes.sorted {
            let (a, b) = (order.firstIndex(of: $0.type) ?? 4, order.firstIndex(of: $1.type) ?? 4)
            return a == b ? $0.name < $1.name : a < b
        }
    }

    /// Calls `body` for every row that differs, and for all rows of a table that is in one of them alone.
    func forEachChange(of table: Table, _ body: (RowChange) throws(BatchError) -> Void) throws(BatchError) {
        guard let before = table.before, let after = table.after, before.isWithoutRowID == after.isWithoutRowID else {
            if let before = table.before {
                try forEachRow(before, old) { (key, row) throws(BatchError) in
                    try body(RowChange(key: key, before: row, after: nil))
                }
            }
            if let after = table.after {
                try forEachRow(after, new) { (key, row) throws(BatchError) in
                    try body(RowChange(key: key, before: nil, after: row))
                }
            }
            return
        }
        if before.isWithoutRowID {
            try compareByLookup(before, after, body)
        } else {
            try compareInOrder(before, after, body)
        }
    }

    /// Calls `body` for every row of a table.
    func forEachRow(
        _ layout: TableLayout, _ connection: Connection, _ body: (RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        try connection.withVisibleRowid(of: layout) { (visible) throws(BatchError) in
            let rows = try OrderedRows(visible, connection)
            while let row = try rows.next() { try body(row.key, row.values) }
        }
    }

    // MARK: Tables with a rowid

    private func compareInOrder(
        _ before: TableLayout, _ after: TableLayout, _ body: (RowChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        try old.withVisibleRowid(of: before) { (before) throws(BatchError) in
            try new.withVisibleRowid(of: after) { (after) throws(BatchError) in
                try merge(try OrderedRows(before, old), try OrderedRows(after, new), body)
            }
        }
    }

    private func merge(
        _ old: OrderedRows, _ new: OrderedRows, _ body: (RowChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        let isSame = old.columns == new.columns
        var (was, now) = (try old.next(), try new.next())
        while was != nil || now != nil {
            let (first, second) = (was?.key.order ?? .max, now?.key.order ?? .max)
            if let row = was, now == nil || first < second {
                try body(RowChange(key: row.key, before: row.values, after: nil))
                was = try old.next()
            } else if let row = now, was == nil || second < first {
                try body(RowChange(key: row.key, before: nil, after: row.values))
                now = try new.next()
            } else if let a = was, let b = now {
                if !isSame || a.values != b.values {
                    try body(RowChange(key: a.key, before: a.values, after: b.values))
                }
                (was, now) = (try old.next(), try new.next())
            }
        }
    }

    // MARK: Tables without one

    /// Each side's order may follow a collation, so rows are looked up instead of merged.
    private func compareByLookup(
        _ before: TableLayout, _ after: TableLayout, _ body: (RowChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        let isSame = before.storedColumnList == after.storedColumnList
        let (was, now) = (try TableRows(before, on: old), try TableRows(after, on: new))
        try forEachRow(before, old) { (key, row) throws(BatchError) in
            let found = try now.row(key)
            if found == nil || !isSame || found != row { try body(RowChange(key: key, before: row, after: found)) }
        }
        try forEachRow(after, new) { (key, row) throws(BatchError) in
            if try was.row(key) == nil { try body(RowChange(key: key, before: nil, after: row)) }
        }
    }

    /// The rows of one table in the order of their keys; rows that SQL cannot name are counted.
    private final class OrderedRows {
        let columns: String
        private let reader: RowReader
        private var count: Int64 = 0

        init(_ layout: TableLayout, _ connection: Connection) throws(BatchError) {
            columns = layout.storedColumnList
            reader = try RowReader(layout, on: connection, where: layout.userRows(connection.ledgerNames))
        }

        func next() throws(BatchError) -> (key: RowKey, values: [SQLValue])? {
            guard let row = try reader.next() else { return nil }
            count += 1
            return (row.key ?? .rowid(count), row.values)
        }
    }
}
