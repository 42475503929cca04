internal import BatchCore

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
        // What modules have gathered is written now.
        try connection.execute("SAVEPOINT batchmgr_flush; RELEASE batchmgr_flush")
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
            hint: "write to it with the tool: batchmgr run --id NAME --sql SQL; or outside a batch")
    }
}
