internal import BatchCore

/// A place in a table; keys that SQLite takes for equal are the same place.
struct RowSlot: Hashable {
    let table: Int
    let rowid: Int64
    /// Of a WITHOUT ROWID table.
    let key: [UInt8]
}

/// What a row was before the outermost change of a statement, and is after it.
struct SettledRow {
    let slot: RowSlot
    let table: CapturedTable
    /// Nil: it was not there.
    let before: [UInt8]?
    /// Nil: it is not there any more.
    let after: [UInt8]?
    /// Where an UPDATE has put it.
    let target: RowSlot?
}

/// Puts settled rows into the record, in an order in which they can be undone.
struct SettledRows {
    private let sink: ChangeSink

    init(_ sink: ChangeSink) { self.sink = sink }

    func record(_ changes: [SettledRow]) throws(BatchError) {
        var known: Set<Int> = []
        for first in changes where known.insert(first.slot.table).inserted {
            try record(changes.filter { $0.slot.table == first.slot.table }, of: first.table)
        }
    }

    /// Rows that went come first and rows that came last, so that going back through them passes no state in which two
    /// rows have the same unique value.
    private func record(_ changes: [SettledRow], of table: CapturedTable) throws(BatchError) {
        table.isTouched = true
        if changes.count == 2 {
            for (one, other) in [(0, 1), (1, 0)] where changes[one].target == changes[other].slot {
                guard let before = changes[one].before, changes[one].after == nil, changes[other].before == nil,
                    let after = changes[other].after
                else { continue }
                return update(table, changes[one].slot, changes[other].slot, before, after)
            }
        }
        let taken = try takenValues(changes, table)
        var last: [SettledRow] = []
        var updates: [SettledRow] = []
        for change in changes {
            guard let before = change.before else {
                last.append(change)
                continue
            }
            if change.after != nil, !taken.contains(change.slot) {
                updates.append(change)
                continue
            }
            var image = ByteBuffer()
            image.append(contentsOf: before)
            sink.keepDelete(table, change.slot.rowid, image)
            if change.after != nil { last.append(change) }
        }
        for change in updates {
            guard let before = change.before, let after = change.after else { continue }
            update(table, change.slot, change.slot, before, after)
        }
        for change in last {
            guard let after = change.after else { continue }
            sink.rows.pointee.new.load(after, columns: table.columns.count)
            sink.keepInsert(table, change.slot.rowid)
        }
    }

    private func update(_ table: CapturedTable, _ old: RowSlot, _ new: RowSlot, _ before: [UInt8], _ after: [UInt8]) {
        sink.rows.pointee.old.load(before, columns: table.columns.count)
        sink.rows.pointee.new.load(after, columns: table.columns.count)
        sink.keepUpdate(table, old.rowid, new.rowid, isWhole: true)
    }

    /// Rows with a unique value before that another one has after.
    private func takenValues(_ changes: [SettledRow], _ table: CapturedTable) throws(BatchError) -> Set<RowSlot> {
        let updates = changes.filter { $0.before != nil && $0.after != nil && $0.before != $0.after }
        if updates.count < 2 { return [] }
        var found: Set<RowSlot> = []
        let stored = table.layout.storedColumns
        for index in table.layout.uniqueIndexes {
            let columns = index.columns.compactMap { $0.flatMap { stored.firstIndex(of: $0) } }
            guard !index.isPartial, columns.count == index.columns.count, let collations = index.knownCollations else {
                return Set(updates.map(\.slot))
            }
            var owners: [[UInt8]: Set<RowSlot>] = [:]
            for change in updates {
                guard let key = SettledRows.key(change.after, columns, collations, table) else { continue }
                owners[key, default: []].insert(change.slot)
            }
            for change in updates {
                guard let key = SettledRows.key(change.before, columns, collations, table), let others = owners[key]
                else { continue }
                if others.contains(where: { $0 != change.slot }) { found.insert(change.slot) }
            }
        }
        return found
    }

    private static func key(
        _ image: [UInt8]?, _ columns: [Int], _ collations: [KeyHash.Collation], _ table: CapturedTable
    ) -> [UInt8]? {
        guard let image else { return nil }
        var row = RowBuffer()
        row.load(image, columns: table.columns.count)
        var key = ByteBuffer()
        for (column, collation) in zip(columns, collations)
        where !KeyHash.append(row.column(column), collation, to: &key) { return nil }
        return key.array
    }
}
