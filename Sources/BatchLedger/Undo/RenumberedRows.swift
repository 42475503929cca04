internal import BatchCore

/// Rows whose rowid is another than the log says. VACUUM renumbers rows of tables without an INTEGER PRIMARY KEY, so
/// when one may have happened since, rows of such tables are found by their content.
struct RenumberedRows {
    private let connection: Connection
    /// The last checkpoint after which a VACUUM may have happened.
    private let lastBefore: Int64
    private var isPossible = false
    private var tables: [String: Table] = [:]

    private struct Table {
        /// Rowid of now for a rowid of the log.
        var moved: [Int64: Int64] = [:]
        /// Rowids of now that are known to be a row of the log.
        var claimed: Set<Int64> = []
        /// Rowids by the low half of the hash of the row, when all were read.
        var byContent: [UInt64: [Int64]] = [:]
        let reader: TableRows
    }

    init(_ connection: Connection, lastBefore: Int64) {
        self.connection = connection
        self.lastBefore = lastBefore
    }

    /// Begins a checkpoint of the log.
    mutating func enter(_ checkpoint: Int64) { isPossible = checkpoint <= lastBefore }

    /// The rowid of now for the row of an entry.
    mutating func current(_ step: UndoStep, in layout: TableLayout) throws(BatchError) -> Int64 {
        guard isPossible, !layout.isWithoutRowID, layout.integerPrimaryKey == nil else { return step.rowid }
        if tables[layout.name] == nil { tables[layout.name] = try read(layout) }
        guard var table = tables[layout.name] else { return step.rowid }
        defer { tables[layout.name] = table }
        if let known = table.moved[step.rowid] { return known }
        let found: Int64
        if step.operation == .delete {
            found = try freeRowid(step.rowid, layout, table)
        } else {
            guard let row = try find(step, table) else { return step.rowid }
            found = row
        }
        table.moved[step.rowid] = found
        table.claimed.insert(found)
        return found
    }

    /// Notes what an undone entry did to the row that was at `rowid`.
    mutating func note(_ step: UndoStep, was rowid: Int64, in layout: TableLayout) {
        guard isPossible, var table = tables[layout.name] else { return }
        if step.operation == .insert {
            table.moved[step.rowid] = nil
            table.claimed.remove(rowid)
        } else if step.keyChanged {
            table.moved[step.rowid] = nil
            table.claimed.remove(rowid)
            table.moved[step.oldRowid] = step.oldRowid
            table.claimed.insert(step.oldRowid)
        }
        tables[layout.name] = table
    }

    private func read(_ layout: TableLayout) throws(BatchError) -> Table {
        var table = Table(reader: try TableRows(layout, on: connection))
        let rows = try RowReader(layout, on: connection)
        while let (key, values) = try rows.next() {
            guard case .rowid(let rowid)? = key else { continue }
            table.byContent[RowCodec.hash(values).low, default: []].append(rowid)
        }
        return table
    }

    private func find(_ step: UndoStep, _ table: Table) throws(BatchError) -> Int64? {
        if !table.claimed.contains(step.rowid) {
            var row = RowBuffer()
            let exists = try table.reader.read([.integer(step.rowid)], isUTF16: connection.isUTF16, into: &row)
            if exists && row.buffer.digest().low == step.left { return step.rowid }
        }
        return table.byContent[step.left]?.first { !table.claimed.contains($0) }
    }

    /// The old rowid, or after the last row when another row has taken it.
    private func freeRowid(_ wanted: Int64, _ layout: TableLayout, _ table: Table) throws(BatchError) -> Int64 {
        var row = RowBuffer()
        if try !table.reader.read([.integer(wanted)], isUTF16: connection.isUTF16, into: &row) { return wanted }
        let name = layout.rowidName ?? "rowid"
        let last = try connection.value("SELECT max(\(name)) FROM main.\(layout.quotedName)")?.integer ?? 0
        return last == .max ? wanted : last + 1
    }
}
