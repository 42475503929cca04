internal import BatchCore

/// Follows `sqlite_sequence` and the statistics tables, whose changes SQLite reports to nobody: compares their rows at
/// both ends of a checkpoint. They are small.
struct SystemTables {
    private(set) var before: [String: [Int64: [SQLValue]]] = [:]

    static let sequence = "sqlite_sequence"
    static let statistics = ["sqlite_stat1", "sqlite_stat3", "sqlite_stat4"]
    static let all = [sequence] + statistics

    static func isSystem(_ table: String) -> Bool { table == sequence || statistics.contains(table) }

    static func columns(of table: String) -> [String] {
        switch table {
        case sequence: ["name", "seq"]
        case "sqlite_stat1": ["tbl", "idx", "stat"]
        default: ["tbl", "idx", "neq", "nlt", "ndlt", "sample"]
        }
    }

    /// Notes the state of tables, unless it is known already.
    mutating func note(_ tables: [String], _ connection: Connection) throws(BatchError) {
        let unknown = tables.filter { before[$0] == nil }
        if unknown.isEmpty { return }
        before.merge(try SystemTables.rows(unknown, connection)) { $1 }
    }

    /// The rows of these tables, by their rowid; none for a table that is not there.
    static func rows(_ tables: [String], _ connection: Connection) throws(BatchError)
        -> [String: [Int64: [SQLValue]]]
    {
        // The schema is read once for all of them: there is a ledger of tables in it.
        let there = Set(
            try connection.rows(
                "SELECT name FROM main.sqlite_schema WHERE name BETWEEN 'sqlite_sequence' AND 'sqlite_stat4'"
            ).compactMap { $0[0].string })
        var rows: [String: [Int64: [SQLValue]]] = [:]
        for table in tables {
            rows[table] = there.contains(table) ? try SystemTables.rows(of: table, connection) : [:]
        }
        return rows
    }

    private static func rows(of table: String, _ connection: Connection) throws(BatchError) -> [Int64: [SQLValue]] {
        var rows: [Int64: [SQLValue]] = [:]
        let statement = try connection.cached("SELECT rowid, * FROM main.\(table)")
        defer { statement.reset() }
        while try statement.step() {
            let values = statement.values
            // The ledger's own tables are counted and analysed too.
            if connection.isLedger(values[1].string ?? "") { continue }
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
        let after = try SystemTables.rows(before.keys.sorted(), connection)
        for (table, new) in after.sorted(by: { $0.key < $1.key }) {
            let old = before[table] ?? [:]
            let changes = Set(old.keys).union(new.keys).sorted()
                .filter { old[$0] != new[$0] }
                .map { RowChange(key: .rowid($0), before: old[$0], after: new[$0]) }
            if !changes.isEmpty { all.append((table, changes)) }
        }
        return all
    }
}

extension UndoLogWriter {
    /// Changes of a system table, found by comparing it.
    func write(_ changes: [RowChange], of table: CapturedTable) throws(BatchError) {
        var image = ByteBuffer()
        for change in changes {
            guard case .rowid(let rowid) = change.key else { continue }
            if let before = change.before { table.digest -= TableDigest(digest: RowCodec.hash(before), rows: 1) }
            let left = change.after.map(RowCodec.hash)
            if let left { table.digest += TableDigest(digest: left, rows: 1) }
            image.removeAll()
            RowCodec.encode(change.before ?? [], into: &image)
            switch (change.before, left) {
            case (nil, let left?):
                begin(.insert, flags: 0, table: table)
                appendRowid(rowid, of: table)
                appendFixed(left.low)
            case (_?, let left?):
                begin(.update, flags: 0, table: table)
                appendRowid(rowid, of: table)
                for first in stride(from: 0, to: table.layout.storedColumns.count, by: 8) {
                    append(UInt8(truncatingIfNeeded: (1 << min(8, table.layout.storedColumns.count - first)) - 1))
                }
                append(image.bytes)
                appendFixed(left.low)
            default:
                begin(.delete, flags: 0, table: table)
                appendRowid(rowid, of: table)
                append(image.bytes)
            }
            try end()
        }
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

/// The virtual tables whose rows a module keeps in tables of its own, where TEMP triggers record.
///
/// Such tables get no triggers: a module may write to them whenever a statement begins, and a trigger on them is a
/// statement that makes it write again, without end. So they are compared, and a batch that changed one is refused.
struct ModuleTables {
    private struct Table {
        let owner: String
        /// Reads what changes with every write.
        let query: String
        var before: Digest?
    }

    /// By the names of the tables that the modules keep.
    private var tables: [String: Table] = [:]
    /// The virtual tables, by their folded names.
    private var owners: [String: String] = [:]

    init() {}

    init(_ layouts: [TableLayout], on connection: Connection) throws(BatchError) {
        try add(layouts, on: connection)
        try begin(connection)
    }

    private mutating func add(_ layouts: [TableLayout], on connection: Connection) throws(BatchError) {
        for layout in layouts where tables[layout.name] == nil {
            guard case .shadow(let owner) = layout.role else { continue }
            owners[SQLName.folded(owner)] = owner
            let sql = "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE"
            let module = VirtualTableModule(try connection.value(sql, [.string(owner)])?.string ?? "").name
            let suffix = String(layout.name.dropFirst(owner.count))
            guard let query = ModuleTables.query(layout, module, suffix) else { continue }
            tables[layout.name] = Table(owner: owner, query: query, before: state(query, connection))
        }
    }

    /// A full-text index is large, and each write to it leaves its mark in a few rows.
    private static func query(_ layout: TableLayout, _ module: String, _ suffix: String) -> String? {
        let table = "main.\(layout.quotedName)"
        switch (module, suffix) {
        case ("fts5", "_data"): return "SELECT id, block FROM \(table) WHERE id IN (1, 10)"
        case ("fts5", "_idx"): return nil
        case ("fts5", "_content"), ("fts5", "_docsize"): return "SELECT min(id), max(id) FROM \(table)"
        case ("fts3", "_content"), ("fts4", "_content"), ("fts3", "_docsize"), ("fts4", "_docsize"):
            return "SELECT min(docid), max(docid) FROM \(table)"
        case ("fts3", "_segments"), ("fts4", "_segments"): return "SELECT max(blockid) FROM \(table)"
        default: return "SELECT \(layout.storedColumnList) FROM \(table)"
        }
    }

    /// Nil for a table that is not there: its definition is recorded.
    private func state(_ query: String, _ connection: Connection) -> Digest? {
        guard let rows = try? connection.rows(query) else { return nil }
        return rows.reduce(into: Digest.zero) { $0 += RowCodec.hash($1) }
    }

    /// A checkpoint begins.
    mutating func begin(_ connection: Connection) throws(BatchError) {
        if tables.isEmpty { return }
        try connection.flushVirtualTables()
        tables = tables.mapValues { table in
            Table(owner: table.owner, query: table.query, before: state(table.query, connection))
        }
    }

    /// The schema changed inside a checkpoint: tables that are new are compared from here on.
    mutating func follow(_ layouts: [TableLayout], _ connection: Connection) throws(BatchError) {
        let names = Set(layouts.map(\.name))
        tables = tables.filter { names.contains($0.key) }
        try add(layouts, on: connection)
    }

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` naming a virtual table that was written.
    func requireUntouched(_ connection: Connection) throws(BatchError) {
        for (_, table) in tables.sorted(by: { $0.key < $1.key }) {
            guard let now = state(table.query, connection), now != table.before else { continue }
            throw ModuleTables.refusal(table.owner)
        }
    }

    /// The virtual table among these that a statement writes.
    func first(of names: Set<String>) -> String? {
        if owners.isEmpty || names.isEmpty { return nil }
        return names.lazy.compactMap { owners[SQLName.folded($0)] }.first
    }

    static func refusal(_ owner: String) -> BatchError {
        BatchError(
            .notUndoable,
            "virtual table \(owner) is written, which cannot be recorded in a program with a SQLite of its own",
            hint: "write to it with the tool: \(command: "run --id NAME --sql SQL"); or outside a batch")
    }
}
