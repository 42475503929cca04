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
                hint: "rebuild the point to a new file instead: \(command: "restore --point POINT --to FILE")")
        }
        let writer = RowWriter(gateway: gateway, layout: layout)
        let replaced = changes.map { takesUniqueValue($0, layout) }
        for (row, isReplaced) in zip(changes, replaced) where row.before != nil && (row.after == nil || isReplaced) {
            try writer.delete(row.key)
        }
        for (row, isReplaced) in zip(changes, replaced) {
            guard let values = row.after else { continue }
            if row.before == nil || isReplaced {
                try writer.insert(row.key, values)
            } else {
                try writer.update(row.key, values)
            }
        }
    }

    /// True for an update that may meet a value that another row still has: such rows are put in anew.
    private func takesUniqueValue(_ row: RowChange, _ layout: TableLayout) -> Bool {
        guard let before = row.before, let after = row.after else { return false }
        let stored = layout.storedColumns
        return layout.uniqueIndexes.contains { index in
            // A condition, an expression or a computed column may follow from any other column.
            index.isPartial
                || index.columns.contains { column in
                    guard let column, let place = stored.firstIndex(of: column) else { return true }
                    return before[place] != after[place]
                }
        }
    }
}
