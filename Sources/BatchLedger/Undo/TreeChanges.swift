internal import BatchCore

/// What a checkpoint did to the rows of an R*Tree, read from the images of its nodes.
///
/// The rows themselves are nowhere in the log: they are cells of nodes, and later batches move cells between nodes.
struct TreeChanges {
    struct Change {
        let id: Int64
        /// Coordinates, then auxiliary columns; nil when there was no such row.
        let before: [SQLValue]?
        let after: [SQLValue]?
    }

    let changes: [Change]

    /// - Parameter columns: of the virtual table: the id, the coordinates, the auxiliary columns.
    init(_ owner: String, columns: Int, isInteger: Bool, _ ledger: Ledger, checkpoint: Int64) throws(BatchError) {
        let source = try BatchChanges(ledger, checkpoints: [checkpoint])
        var nodes: [Int64: RowChange] = [:]
        var rows: [Int64: RowChange] = [:]
        for table in source.tables {
            guard table.name == owner + "_node" || table.name == owner + "_rowid" else { continue }
            try source.forEachTouchedRow(of: table) { row in
                guard case .rowid(let key) = row.key else { return }
                if table.name == owner + "_node" { nodes[key] = row } else { rows[key] = row }
            }
        }
        var found: [Change] = []
        for (id, row) in rows.sorted(by: { $0.key < $1.key }) {
            func content(_ values: [SQLValue]?, _ image: (RowChange) -> [SQLValue]?) throws(BatchError) -> [SQLValue]? {
                guard let values, values.count > 1, let node = values[1].integer else { return nil }
                let blob = nodes[node].flatMap(image)?.last?.bytes ?? []
                let extra = Array(values.dropFirst(2))
                let cell = TreeChanges.cell(id, in: blob, columns - 1 - extra.count, isInteger: isInteger)
                guard let cell else { throw Ledger.damaged("batchmgr_undo") }
                return cell + extra
            }
            // A node that was not written holds what it held.
            let nodesOfRow = [row.before, row.after].compactMap { $0?.dropFirst().first?.integer }
            if row.before == row.after, nodesOfRow.allSatisfy({ nodes[$0] == nil }) { continue }
            let before = try content(row.before, \.before)
            let after = try content(row.after, \.after)
            if before != after { found.append(Change(id: id, before: before, after: after)) }
        }
        changes = found
    }

    /// Coordinates of a row in a node: two bytes of depth, two for the number of cells, then the cells, all big-endian.
    private static func cell(_ id: Int64, in node: [UInt8], _ coordinates: Int, isInteger: Bool) -> [SQLValue]? {
        func number(_ offset: Int, _ length: Int) -> UInt64 {
            node[offset..<offset + length].reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard node.count >= 4, coordinates > 0 else { return nil }
        let size = 8 + 4 * coordinates
        for index in 0..<Int(number(2, 2)) {
            let start = 4 + index * size
            guard start + size <= node.count else { return nil }
            guard Int64(bitPattern: number(start, 8)) == id else { continue }
            return (0..<coordinates).map { coordinate in
                let bits = UInt32(truncatingIfNeeded: number(start + 8 + 4 * coordinate, 4))
                return isInteger ? .integer(Int64(Int32(bitPattern: bits))) : .real(Double(Float(bitPattern: bits)))
            }
        }
        return nil
    }
}
