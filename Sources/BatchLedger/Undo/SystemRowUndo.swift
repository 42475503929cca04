internal import BatchCore

/// Takes back rows of `sqlite_sequence` and of the statistics.
///
/// SQLite changes these tables by itself while rows and tables come back, so the rows are worked out in memory from
/// what they were before the undo, and the tables are made equal to that in the end. A counter that has moved on is left
/// alone: that is no conflict.
struct SystemRowUndo {
    private var rows: [String: [Int64: [SQLValue]]]
    private var touched: [String: Set<Int64>] = [:]

    /// - Parameter rows: all system tables as they are before the undo.
    init(_ rows: [String: [Int64: [SQLValue]]]) { self.rows = rows }

    /// False when the row has moved on.
    mutating func undo(_ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ layout: TableLayout) throws(BatchError)
        -> Bool
    {
        let columns = layout.columns.count
        if step.operation == .delete {
            var reader = ByteReader(bytes, at: step.imageOffset)
            return bringBack(try reader.values(columns), at: step.rowid, in: layout.name)
        }
        guard let rowid = place(of: step, in: layout.name) else { return false }
        if step.operation == .insert {
            rows[layout.name]?[rowid] = nil
        } else {
            for (column, value) in try step.changedColumns(bytes, columns) {
                rows[layout.name]?[rowid]?[column] = value
            }
        }
        touched[layout.name, default: []].insert(rowid)
        return true
    }

    /// Where the row is that the step left. VACUUM gives these rows other numbers, and what is equal is the same to SQLite.
    private func place(of step: UndoStep, in table: String) -> Int64? {
        guard let rows = rows[table] else { return nil }
        if let now = rows[step.rowid], RowCodec.hash(now).low == step.left { return step.rowid }
        return rows.filter { RowCodec.hash($0.value).low == step.left }.keys.min()
    }

    /// Puts a row back; under another number where VACUUM gave its own to a row about something else.
    private mutating func bringBack(_ row: [SQLValue], at rowid: Int64, in table: String) -> Bool {
        let there = rows[table] ?? [:]
        let subject = SystemRowUndo.subject(of: row, in: table)
        var place = rowid
        if let taker = there[rowid] {
            // A sample of sqlite_stat4 is one of several.
            let rivals = table == "sqlite_stat4" ? [taker] : Array(there.values)
            if rivals.contains(where: { SystemRowUndo.subject(of: $0, in: table) == subject }) { return false }
            place = (there.keys.max() ?? 0) + 1
        }
        rows[table, default: [:]][place] = row
        touched[table, default: []].insert(place)
        return true
    }

    /// The table that a row is about, and its index.
    private static func subject(of row: [SQLValue], in table: String) -> ArraySlice<SQLValue> {
        table == SystemTables.sequence ? row.prefix(1) : row.prefix(2)
    }

    /// Makes the tables what they should be.
    /// - Parameter expected: what they must hold then, where nobody has moved a row on; nil when no table comes or goes.
    func finish(_ connection: Connection, expected: [String: TableDigest]?) throws(BatchError) {
        for (table, rows) in rows.sorted(by: { $0.key < $1.key }) {
            let exists = try connection.value("SELECT 1 FROM main.sqlite_schema WHERE name = ?", [.string(table)])
            if exists == nil { continue }
            let wanted =
                try expected.map { (expected) throws(BatchError) in
                    try self.wanted(table, rows, expected[table] ?? TableDigest(), connection)
                } ?? rows
            let found = try SystemTables.rows([table], connection)[table] ?? [:]
            for rowid in found.keys.sorted() where found[rowid] != wanted[rowid] {
                try connection.run("DELETE FROM main.\(table) WHERE rowid = ?", [.integer(rowid)])
            }
            for (rowid, values) in wanted.sorted(by: { $0.key < $1.key }) where found[rowid] != values {
                // A row about the ledger may have taken the place; nobody misses it.
                let columns = SystemTables.columns(of: table).joined(separator: ", ")
                let marks = values.map { _ in ", ?" }.joined()
                try connection.run(
                    "INSERT OR REPLACE INTO main.\(table)(rowid, \(columns)) VALUES(?\(marks))",
                    [.integer(rowid)] + values)
            }
        }
    }

    /// SQLite forgets what it kept of a table that the undo drops, and so does the undo of a batch that made the table.
    /// But a row may be about a name that nothing bears any more: ALTER TABLE … RENAME leaves the statistics as they are.
    /// What the state was tells which of both it is.
    private func wanted(
        _ table: String, _ rows: [Int64: [SQLValue]], _ expected: TableDigest, _ connection: Connection
    ) throws(BatchError) -> [Int64: [SQLValue]] {
        if SystemTables.digest(rows) == expected { return rows }
        var wanted = rows
        for (rowid, values) in rows where touched[table]?.contains(rowid) != true {
            if try !isAboutSomething(table, values, connection) { wanted[rowid] = nil }
        }
        return wanted
    }

    /// False for a row about a table or index that is not there.
    private func isAboutSomething(_ table: String, _ values: [SQLValue], _ connection: Connection) throws(BatchError)
        -> Bool
    {
        for name in SystemRowUndo.subject(of: values, in: table) where !name.isNull {
            let found = try connection.value("SELECT 1 FROM main.sqlite_schema WHERE name = ?", [name])
            if found == nil { return false }
        }
        return true
    }
}
