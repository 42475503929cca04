internal import BatchCore
internal import BatchLedger

/// The rows in which the database at hand differs from another one, as far as they are asked for.
struct WantedRows {
    /// The database to be changed.
    let connection: Connection
    /// The one that has the rows as they are wanted.
    let wanted: Connection

    /// The rows that a person has chosen; all others stay as they are.
    func changes(for choice: RowChoice) throws(BatchError) -> RowChanges {
        guard let now = try SchemaReader(connection).layout(named: choice.layout.name) else {
            throw changed(choice.layout.name)
        }
        var rows: [(key: RowKey, values: [SQLValue])] = []
        try choice.forEachRow { (key, values) throws(BatchError) in rows.append((key, values)) }
        var changes: [RowChange] = []
        try connection.withVisibleRowid(of: now) { (visible) throws(BatchError) in
            if case .rowid(nil) = visible.key { throw hidden(now.name) }
            let reader = try TableRows(visible, on: connection)
            for row in rows {
                let found = try reader.row(row.key)
                if found != row.values { changes.append(RowChange(key: row.key, before: row.values, after: found)) }
            }
        }
        return RowChanges([(now, changes)])
    }

    /// All rows of one tenant; those of others, and the tables that all share, stay as they are.
    func changes(ofRowsOf owner: RowOwner) throws(BatchError) -> RowChanges {
        let difference = DatabaseDifference(old: wanted, new: connection)
        var tables: [(layout: TableLayout, changes: [RowChange])] = []
        for table in try difference.tables() {
            guard let now = table.after, owner.isOwned(now) else {
                if let then = table.before, owner.isOwned(then), table.after == nil { throw changed(then.name) }
                continue
            }
            if let then = table.before, !now.holdsSameRows(as: then) { throw changed(now.name) }
            var changes: [RowChange] = []
            try difference.forEachChange(of: table) { (row) throws(BatchError) in
                if owner.mayShow(row, before: table.before, after: table.after) { changes.append(row) }
            }
            tables.append((now, changes))
        }
        return RowChanges(tables)
    }

    private func changed(_ table: String) -> BatchError {
        BatchError(
            .schemaChanged, "table \(table) has another shape now than at the point",
            hint: "rebuild the point to a new file instead: \(command: "restore --point POINT --to FILE")")
    }

    private func hidden(_ table: String) -> BatchError {
        BatchError(
            .notUndoable,
            "the columns of table \(table) hide its rowid, and a view or trigger that is broken keeps them",
            hint: "mend the view or trigger, or rebuild the point: \(command: "restore --point POINT --to FILE")")
    }
}
