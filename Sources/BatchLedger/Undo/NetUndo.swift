internal import BatchCore

/// Goes back over a run of checkpoints by its net changes.
///
/// The undo log passes only through states that the database was in. Net changes know just both ends, so new rows go
/// first and deleted ones come back last, a row that leaves a unique value to another one stands aside in between, and
/// unique indexes come back when all rows are there.
struct NetUndo {
    private let net: any NetChanges
    private let connection: Connection
    /// Undoes one entry.
    private let apply: (UndoStep, UnsafeRawBufferPointer, [Int: RecordedTable]) throws(BatchError) -> Void
    private let schemaChange: SchemaChange?
    private let replaced: Set<String>

    init(
        _ net: any NetChanges, _ connection: Connection,
        apply: @escaping (UndoStep, UnsafeRawBufferPointer, [Int: RecordedTable]) throws(BatchError) -> Void
    ) throws(BatchError) {
        self.net = net
        self.connection = connection
        self.apply = apply
        schemaChange = try NetUndo.schemaChange(net)
        replaced = Set(schemaChange?.replacedTables.map(\.name) ?? [])
    }

    private static func schemaChange(_ net: any NetChanges) throws(BatchError) -> SchemaChange? {
        guard var change = SchemaChange(from: net.before.objects, to: net.after.objects) else { return nil }
        for object in change.after where object.type == "table" && !object.isVirtualTable && !object.isSystem {
            let isKept = try !change.takesAway(net.layout(of: object.name, isAfter: true))
            if change.holdsRows(object), isKept, try keepsShape(object.name, net) { continue }
            change.digests[object.name] = net.after.digest.tables[object.name] ?? TableDigest()
        }
        return change
    }

    private static func keepsShape(_ table: String, _ net: any NetChanges) throws(BatchError) -> Bool {
        guard let before = try net.layout(of: table, isAfter: false),
            let after = try net.layout(of: table, isAfter: true)
        else { return false }
        return after.holdsSameRows(as: before)
    }

    func run() throws(BatchError) {
        let (old, new) = (net.before.digest.tables, net.after.digest.tables)
        let names = Set(old.keys).union(new.keys).sorted()
        // SQLite changes its own tables by itself while others are undone, so these are asked about before that. The undo
        // writes them last.
        for (number, name) in names.enumerated() where SystemTables.isSystem(name) && old[name] != new[name] {
            if try net.layout(of: name, isAfter: true) != nil {
                try undoRows(of: name, number)
            } else {
                try bringBack(name, number)
            }
        }
        let schemas = schemaChange?.parts
        try undo(schemas?.first)
        for (number, name) in names.enumerated() where !SystemTables.isSystem(name) {
            let isChanged = replaced.contains(name) || old[name] != new[name]
            guard try isRenumbered(name) || isChanged else { continue }
            if !replaced.contains(name), old[name] != nil, new[name] != nil {
                try undoRows(of: name, number)
            } else {
                try bringBack(name, number)
            }
        }
        try undo(schemas?.uniqueIndexes)
    }

    private func undo(_ change: SchemaChange?) throws(BatchError) {
        guard let change else { return }
        var buffer = ByteBuffer()
        change.encode(into: &buffer)
        try apply(UndoStep(operation: .schema, table: -1), buffer.bytes, [:])
    }

    /// True where rows may have other rowids than before, although their content is the same.
    private func isRenumbered(_ name: String) throws(BatchError) -> Bool {
        guard let layout = try net.layout(of: name, isAfter: true), layout.role != .system,
            !layout.isWithoutRowID, layout.integerPrimaryKey == nil
        else { return false }
        return try net.touches(name)
    }

    /// A table with the number that its entries bear.
    private struct NumberedTable {
        let layout: TableLayout
        let number: Int
        var recorded: [Int: RecordedTable] { [number: RecordedTable(layout: layout, change: TableDigest())] }
    }

    /// A table that the run dropped or wrote anew; one that it made has no rows before.
    private func bringBack(_ name: String, _ number: Int) throws(BatchError) {
        guard let layout = try net.layout(of: name, isAfter: false) else { return }
        let table = NumberedTable(layout: layout, number: number)
        try net.forEachRow(of: name, isAfter: false) { (key, row) throws(BatchError) in
            try send(NetChange(key: key, kind: .delete(row), left: 0), table)
        }
    }

    // MARK: Rows

    private func undoRows(of name: String, _ number: Int) throws(BatchError) {
        guard let layout = try net.layout(of: name, isAfter: true) else { return }
        let table = NumberedTable(layout: layout, number: number)
        let unique = uniquePositions(layout)
        // Of a table that is gone, or another one by now, each row meets its conflict as an update.
        let isThere = try SchemaReader(connection).layout(named: name)?.holdsSameRows(as: layout) == true
        var aside: [NetChange] = []
        try net.forEachChange(of: name) { (change) throws(BatchError) in
            switch change.kind {
            case .insert: try send(change, table)
            case .update(let columns, let before) where !unique.isDisjoint(with: columns):
                guard isThere, let row = try wholeRow(change, layout, columns, before) else {
                    return try send(change, table)
                }
                try send(NetChange(key: change.key, kind: .insert, left: change.left), table)
                aside.append(NetChange(key: key(of: row, change.key, layout), kind: .delete(row), left: 0))
            default: break
            }
        }
        try net.forEachChange(of: name) { (change) throws(BatchError) in
            guard case .update(let columns, _) = change.kind, unique.isDisjoint(with: columns) else { return }
            try send(change, table)
        }
        for change in aside { try send(change, table) }
        try net.forEachChange(of: name) { (change) throws(BatchError) in
            if case .delete = change.kind { try send(change, table) }
        }
    }

    /// Positions among the stored columns of those that a unique index, or the key, needs.
    private func uniquePositions(_ layout: TableLayout) -> Set<Int> {
        let stored = layout.storedColumns
        var positions: Set<Int> = []
        for index in layout.uniqueIndexes {
            // The value of an expression, or what a partial index covers, may follow from any column.
            if index.isPartial || index.columns.contains(nil) { return Set(stored.indices) }
            let columns = index.columns.compactMap(\.self)
            if columns.contains(where: { layout.columns[$0].generated != .no }) { return Set(stored.indices) }
            positions.formUnion(columns.compactMap { stored.firstIndex(of: $0) })
        }
        if case .primaryKey(let key) = layout.key { positions.formUnion(key.compactMap { stored.firstIndex(of: $0) }) }
        return positions
    }

    /// The row as it was before, from what it is now; nil when it is not there.
    private func wholeRow(
        _ change: NetChange, _ layout: TableLayout, _ columns: [Int], _ before: [SQLValue]
    ) throws(BatchError) -> [SQLValue]? {
        let key = change.key.parameters
        if columns.count == layout.storedColumns.count { return before }
        var image = RowBuffer()
        let isThere = try connection.withVisibleRowidInUndo(of: layout) { (visible) throws(BatchError) in
            try TableRows(visible, on: connection).read(key, isUTF16: connection.isUTF16, into: &image)
        }
        guard isThere else { return nil }
        var row = try image.buffer.values(layout.storedColumns.count)
        for (column, value) in zip(columns, before) { row[column] = value }
        return row
    }

    private func key(of row: [SQLValue], _ key: RowKey, _ layout: TableLayout) -> RowKey {
        guard case .primaryKey(let positions) = layout.key else { return key }
        let stored = layout.storedColumns
        return .values(positions.compactMap { stored.firstIndex(of: $0).map { row[$0] } })
    }

    /// Makes an entry as the undo log would hold it, and undoes it.
    private func send(_ change: NetChange, _ table: NumberedTable) throws(BatchError) {
        var buffer = ByteBuffer()
        let operation: UndoEntry.Operation =
            switch change.kind {
            case .insert: .insert
            case .update: .update
            case .delete: .delete
            }
        var step = UndoStep(operation: operation, table: table.number)
        step.left = change.left
        switch change.key {
        case .rowid(let rowid):
            step.rowid = rowid
            step.oldRowid = rowid
        case .values(let values): RowCodec.encode(values, into: &buffer)
        }
        step.imageOffset = buffer.count
        switch change.kind {
        case .insert: break
        case .delete(let row): RowCodec.encode(row, into: &buffer)
        case .update(let columns, let before):
            var mask = [UInt8](repeating: 0, count: (table.layout.storedColumns.count + 7) / 8)
            for column in columns { mask[column / 8] |= 1 << UInt8(column % 8) }
            buffer.append(contentsOf: mask)
            RowCodec.encode(before, into: &buffer)
        }
        try apply(step, buffer.bytes, table.recorded)
        withExtendedLifetime(buffer) {}
    }
}
