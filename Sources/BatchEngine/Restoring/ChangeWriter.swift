internal import BatchCore
internal import BatchLedger

/// Writes row changes of a table through the gateway, whatever unique values the rows exchange.
struct ChangeWriter {
    let gateway: Gateway

    func write(_ changes: [RowChange], _ layout: TableLayout) throws(BatchError) {
        if changes.isEmpty { return }
        if case .rowid(nil) = layout.key {
            throw BatchError(
                .notUndoable, "table \(layout.name) cannot be brought back in place: its columns hide the rowid",
                hint: "rebuild the point to a new file instead: batchmgr restore --point POINT --to FILE")
        }
        let writer = RowWriter(gateway: gateway, layout: layout)
        // An update may meet a value that another row still has, so where values are unique rows are put in anew.
        let replaces = !layout.uniqueIndexes.isEmpty
        for row in changes where row.before != nil && (row.after == nil || replaces) { try writer.delete(row.key) }
        for row in changes {
            guard let values = row.after else { continue }
            if row.before == nil || replaces {
                try writer.insert(row.key, values)
            } else {
                try writer.update(row.key, values)
            }
        }
    }
}
