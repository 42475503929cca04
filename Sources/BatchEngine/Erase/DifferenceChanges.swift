internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// What leads from one rebuilt database to another, for a `.bak`.
struct DifferenceChanges: ChangeSource {
    private let difference: DatabaseDifference
    let tables: [ChangedTable]

    init(
        from old: Connection, _ before: StateDigest, to new: Connection, _ after: StateDigest
    ) throws(BatchError) {
        difference = DatabaseDifference(old: old, new: new)
        tables = try difference.tables().filter { table in
            table.before?.sql != table.after?.sql || before.tables[table.name] != after.tables[table.name]
        }.map { table in
            let isSame = table.before.map { before in table.after?.holdsSameRows(as: before) ?? false } ?? false
            return ChangedTable(before: table.before, after: table.after, isRewritten: !isSame)
        }
    }

    func forEachChange(
        of table: ChangedTable, _ body: (RowChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        if table.isRewritten { return }
        try difference.forEachChange(of: .init(before: table.before, after: table.after), body)
    }
}
