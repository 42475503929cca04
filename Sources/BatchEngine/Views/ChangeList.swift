internal import BatchCore
internal import BatchLedger

/// Gathers row changes for a report: all of them, or only how many.
struct ChangeList {
    /// Only this table, whatever it holds; nil for all tables that are the user's own.
    let table: String?
    let isStatistics: Bool
    /// What is listed at most; the rest is counted.
    struct Limit {
        let rows: Int
        let bytes: Int
    }
    private let limit: Limit?
    private var bytes = 0
    /// False when there are more changes than the limit allows.
    private(set) var isComplete = true
    /// Only rows of this tenant, and of tables that all share; nil for all.
    let owner: RowOwner?
    private var changes: [Change] = []
    /// Of each change the values of its primary key; empty where changes come in the order of rowids, and stay in it.
    private var keys: [[SQLValue]] = []
    private var counts: [String: RowCounts] = [:]

    /// Columns of primary keys that are no rowids, by table: what is recorded of a table does not tell them.
    private let keyColumns: [String: [String]]

    /// - Parameter connection: to the database that has the tables.
    init(
        _ connection: Connection, table: String?, isStatistics: Bool, owner: RowOwner? = nil, limit: Limit? = nil
    ) {
        let tables = isStatistics ? [] : (try? SchemaReader(connection).tables()) ?? []
        keyColumns = tables.reduce(into: [:]) { keys, layout in
            guard layout.integerPrimaryKey == nil else { return }
            let own = layout.columns.filter { $0.primaryKeyPosition > 0 }
            keys[layout.name] = own.sorted { $0.primaryKeyPosition < $1.primaryKeyPosition }.map(\.name)
        }
        self.table = table
        self.owner = owner
        self.isStatistics = isStatistics
        self.limit = limit
    }

    /// Shadow tables hold what a module made of the user's rows: they are shown when asked for by name alone.
    func wants(_ layout: TableLayout) -> Bool {
        guard let table else { return layout.role == .ordinary }
        if let owner, !owner.mayShow(layout) { return false }
        return layout.name.lowercased() == table.lowercased()
    }

    /// - Parameters:
    ///   - before: the layout of the row before; nil when the table is new.
    ///   - after: the layout of the row after; nil when the table is gone.
    mutating func add(_ row: RowChange, before: TableLayout?, after: TableLayout?) {
        guard let layout = after ?? before else { return }
        if let owner, !owner.mayShow(row, before: before, after: after) { return }
        var old = row.before.map { ChangeList.fields($0, before ?? layout) }
        var new = row.after.map { ChangeList.fields($0, after ?? layout) }
        if let was = old, let now = new {
            old = was.filter { !now.contains($0) }
            new = now.filter { !was.contains($0) }
            // The table was altered, and nothing of this row came or went.
            if old == [], new == [] { return }
        }
        var count = RowCounts()
        let operation: Change.Operation
        switch (row.before, row.after) {
        case (nil, nil): return
        case (nil, _): (operation, count.inserted) = (.insert, 1)
        case (_, nil): (operation, count.deleted) = (.delete, 1)
        default: (operation, count.updated) = (.update, 1)
        }
        counts[layout.name, default: RowCounts()] += count
        if isStatistics { return }
        let values = key(of: row, layout)
        if let limit {
            bytes += ((old ?? []) + (new ?? [])).reduce(0) { $0 + $1.value.size }
            if changes.count >= limit.rows || bytes > limit.bytes { isComplete = false }
            if !isComplete { return }
        }
        changes.append(
            Change(
                operation, table: layout.name, key: row.key, keyColumns: layout.keyColumnNames, before: old, after: new)
        )
        keys.append(values)
    }

    func report() -> ChangesReport {
        let tables = counts.map { ChangesReport.TableCounts(table: $0.key, rows: $0.value) }
        return ChangesReport(changes: ordered(), tables: tables.sorted { $0.table < $1.table })
    }

    /// The values of a primary key that is no rowid; empty for all other tables.
    private func key(of row: RowChange, _ layout: TableLayout) -> [SQLValue] {
        if case .values(let values) = row.key { return values }
        guard let names = keyColumns[layout.name], let values = row.after ?? row.before else { return [] }
        let fields = ChangeList.fields(values, layout)
        return names.compactMap { name in fields.first { $0.column == name }?.value }
    }

    /// The undo log knows rows of other keys than numbers by hashes of them, and people by the keys.
    private func ordered() -> [Change] {
        if keys.allSatisfy(\.isEmpty) { return changes }
        var order: [Int] = []
        var start = 0
        while start < changes.count {
            let end = changes[start...].firstIndex { $0.table != changes[start].table } ?? changes.count
            let stretch = start..<end
            // Changes of the same row stay in their order.
            order += keys[start].isEmpty ? Array(stretch) : stretch.sorted { (keys[$0], $0) < (keys[$1], $1) }
            start = end
        }
        return order.map { changes[$0] }
    }

    private static func fields(_ values: [SQLValue], _ layout: TableLayout) -> [Change.Field] {
        zip(layout.storedColumns, values).map { Change.Field(layout.columns[$0].name, $1) }
    }
}

extension SQLValue {
    /// Bytes, about.
    fileprivate var size: Int {
        switch self {
        case .text(let bytes), .text16(let bytes), .blob(let bytes): bytes.count
        default: 8
        }
    }
}

private func < (a: ([SQLValue], Int), b: ([SQLValue], Int)) -> Bool {
    for (x, y) in zip(a.0, b.0) {
        if x.sorts(before: y) { return true }
        if y.sorts(before: x) { return false }
    }
    return a.1 < b.1
}

extension TableLayout {
    /// The names of the columns that `RowKey` has the values of.
    var keyColumnNames: [String] {
        switch key {
        case .rowid(let alias): [alias ?? "rowid"]
        case .primaryKey(let positions): positions.map { columns[$0].name }
        }
    }
}
