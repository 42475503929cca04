internal import BatchCore

/// Follows `sqlite_sequence` and the statistics tables, whose changes SQLite reports to nobody: compares their rows at
/// both ends of a checkpoint. They are small.
struct SystemTables {
    private(set) var before: [String: [Int64: [SQLValue]]] = [:]

    static let sequence = "sqlite_sequence"
    static let statistics = ["sqlite_stat1", "sqlite_stat3", "sqlite_stat4"]

    static func isSystem(_ table: String) -> Bool { table == sequence || statistics.contains(table) }

    static func columns(of table: String) -> [String] {
        switch table {
        case sequence: ["name", "seq"]
        case "sqlite_stat1": ["tbl", "idx", "stat"]
        default: ["tbl", "idx", "neq", "nlt", "ndlt", "sample"]
        }
    }

    /// Notes the state of a table, unless it is known already.
    mutating func note(_ table: String, _ connection: Connection) throws(BatchError) {
        if before[table] == nil { before[table] = try SystemTables.rows(table, connection) }
    }

    static func rows(_ table: String, _ connection: Connection) throws(BatchError) -> [Int64: [SQLValue]] {
        guard try connection.value("SELECT 1 FROM main.sqlite_schema WHERE name = ?", [.string(table)]) != nil else {
            return [:]
        }
        var rows: [Int64: [SQLValue]] = [:]
        let statement = try connection.prepare("SELECT rowid, * FROM main.\(table)")
        while try statement.step() {
            let values = statement.values
            // The ledger's own tables are counted and analysed too.
            if SQLName.isLedger(values[1].string ?? "") { continue }
            rows[values[0].integer ?? 0] = Array(values[1...])
        }
        return rows
    }

    static func digest(_ rows: [Int64: [SQLValue]]) -> TableDigest {
        rows.values.reduce(into: TableDigest()) { $0 += TableDigest(digest: RowCodec.hash($1), rows: 1) }
    }

    /// The rows that differ now, table by table.
    func changes(_ connection: Connection) throws(BatchError) -> [(table: String, changes: [RowChange])] {
        var all: [(table: String, changes: [RowChange])] = []
        for table in before.keys.sorted() {
            let old = before[table] ?? [:]
            let new = try SystemTables.rows(table, connection)
            let changes = Set(old.keys).union(new.keys).sorted()
                .filter { old[$0] != new[$0] }
                .map { RowChange(key: .rowid($0), before: old[$0], after: new[$0]) }
            if !changes.isEmpty { all.append((table, changes)) }
        }
        return all
    }
}

extension TableLayout {
    /// SQLite's own tables can be gone, but their old rows still have a layout.
    static func dropped(systemTable name: String) -> TableLayout {
        let columns = SystemTables.columns(of: name).map { name in
            Column(
                name: name, declaredType: "", hasRealAffinity: false, isNotNull: false, hasDefault: false,
                generated: .no, primaryKeyPosition: 0)
        }
        return TableLayout(
            name: name, columns: columns, key: .rowid(alias: "rowid"), integerPrimaryKey: nil, isStrict: false,
            isAutoincrement: false, role: .system, uniqueIndexes: [], foreignKeys: [], sql: "")
    }
}
