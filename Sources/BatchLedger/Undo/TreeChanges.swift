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

    init(_ tree: TreeShape, _ ledger: Ledger, checkpoint: Int64) throws(BatchError) {
        let owner = tree.owner
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
                return try tree.row(id, values, in: blob)
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

    /// What a run of checkpoints did, by the rows at both ends.
    init(_ tree: TreeShape, _ net: any NetChanges) throws(BatchError) {
        let (before, after) = (try tree.rows(net, isAfter: false), try tree.rows(net, isAfter: true))
        changes = Set(before.keys).union(after.keys).sorted().compactMap { id in
            before[id] == after[id] ? nil : Change(id: id, before: before[id], after: after[id])
        }
    }
}
