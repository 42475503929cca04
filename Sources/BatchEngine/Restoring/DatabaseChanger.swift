internal import BatchCore
internal import BatchLedger

/// Brings rows of another database into that of a gateway, in its open transaction.
struct DatabaseChanger {
    let gateway: Gateway
    let wanted: Connection

    private var connection: Connection { gateway.connection }

    /// Puts rows of the other database back as they are there; all others stay as they are.
    func bringBack(_ choice: RowChoice) throws(BatchError) {
        let reader = try StoredRows(choice.layout, connection)
        var changes: [RowChange] = []
        try choice.forEachRow { (key, values) throws(BatchError) in
            let now = try reader.row(key)
            if now != values { changes.append(RowChange(key: key, before: now, after: values)) }
        }
        try ChangeWriter(gateway: gateway).write(changes, choice.layout)
    }

    /// Puts all rows of one tenant back as they are in the other database; those of others, and the tables that all
    /// share, stay as they are.
    func bringBack(rowsOf owner: RowOwner) throws(BatchError) {
        let difference = DatabaseDifference(old: connection, new: wanted)
        for table in try difference.tables() {
            guard let now = table.before, owner.isOwned(now) else {
                if let then = table.after, owner.isOwned(then), table.before == nil { throw changed(then.name) }
                continue
            }
            if let then = table.after, !now.holdsSameRows(as: then) { throw changed(now.name) }
            var changes: [RowChange] = []
            try difference.forEachChange(of: table) { (row) throws(BatchError) in
                if owner.mayShow(row, before: table.before, after: table.after) { changes.append(row) }
            }
            try ChangeWriter(gateway: gateway).write(changes, now)
        }
    }

    private func changed(_ table: String) -> BatchError {
        BatchError(
            .schemaChanged, "table \(table) has another shape now than at the point",
            hint: "rebuild the point to a new file instead: \(command: "restore --point POINT --to FILE")")
    }
}
