internal import BatchCore

/// Undoes an R*Tree through the virtual table, row by row.
struct TreeUndo {
    private let owner: String
    private let names: [String]
    /// The same, quoted.
    private let columns: [String]
    /// By the checkpoint, or the last one of the run.
    private let changes: [Int64: TreeChanges]

    /// Reads what the checkpoints did, before anything of it is undone.
    init(
        _ tree: TreeShape, _ ledger: Ledger, checkpoints: [Int64], _ record: UndoRecord
    ) throws(BatchError) {
        owner = tree.owner
        names = tree.columns
        columns = tree.columns.map(SQLName.quote)
        var changes: [Int64: TreeChanges] = [:]
        switch record {
        case .log:
            for checkpoint in checkpoints {
                changes[checkpoint] = try TreeChanges(tree, ledger, checkpoint: checkpoint)
            }
        case .points(let parts):
            for part in parts {
                guard case .whole(let run) = part else { throw TreeUndo.needsAll(part, tree) }
                changes[run.lastCheckpoint] = try TreeChanges(tree, run.changes)
            }
        }
        self.changes = changes
    }

    /// The copies of an undo log do not say what the nodes were that it begins from.
    private static func needsAll(_ part: UndoPart, _ tree: TreeShape) -> BatchError {
        guard case .some(let run) = part else { return Ledger.damaged("batchmgr_undo") }
        return BatchError(
            .noRestorePoint,
            "a later batch wrote to the R*Tree \(tree.owner): from its restore point \(run.batch) can only be undone as a whole",
            hint: "undo the later batches too: \(command: "rollback --id \(run.batch) --mode cascade")")
    }

    private func fields(_ id: Int64, _ row: [SQLValue]) -> [Change.Field] {
        zip(names, [.integer(id)] + row).map { Change.Field($0, $1) }
    }

    /// The rows that are not as the batch left them; those are not touched.
    func undo(_ checkpoint: Int64, _ batch: String, _ connection: Connection) throws(BatchError) -> [UndoConflict] {
        var conflicts: [UndoConflict] = []
        let table = "main.\(SQLName.quote(owner))"
        for change in changes[checkpoint]?.changes ?? [] {
            let now = try connection.rows(
                "SELECT \(columns.dropFirst().joined(separator: ", ")) FROM \(table) WHERE \(columns[0]) = ?",
                [.integer(change.id)]
            ).first
            let (before, after) = change.sides(beside: now)
            guard now == after else {
                var conflict = UndoConflict(
                    batch: batch, table: owner, key: .rowid(change.id),
                    reason: now == nil ? .missing : after == nil ? .taken : .changed,
                    expected: after == nil ? "no row with this key" : "the row as the batch left it",
                    found: now == nil ? "no row" : "other values", row: now.map { fields(change.id, $0) })
                conflict.expectedRow = after.map { fields(change.id, $0) }
                conflicts.append(conflict)
                continue
            }
            if now != nil { try connection.run("DELETE FROM \(table) WHERE \(columns[0]) = ?", [.integer(change.id)]) }
            guard let before else { continue }
            let marks = columns.map { _ in "?" }.joined(separator: ", ")
            try connection.run(
                "INSERT INTO \(table)(\(columns.joined(separator: ", "))) VALUES(\(marks))",
                [.integer(change.id)] + before)
        }
        return conflicts
    }
}

/// An R*Tree, and how its rows lie in its nodes.
struct TreeShape {
    let owner: String
    /// The id, the coordinates, the auxiliary columns.
    let columns: [String]
    private let isInteger: Bool
    /// The number of the root.
    static let root: Int64 = 1

    init(_ owner: String, isInteger: Bool, _ connection: Connection) throws(BatchError) {
        self.owner = owner
        self.isInteger = isInteger
        columns = try connection.rows(
            "SELECT name FROM pragma_table_info(?, 'main') ORDER BY cid", [.string(owner)]
        ).map { $0[0].string ?? "" }
    }

    /// All rows at one end of a run, by their id.
    func rows(_ net: any NetChanges, isAfter: Bool) throws(BatchError) -> [Int64: [SQLValue]] {
        var nodes: [Int64: [UInt8]] = [:]
        try net.forEachRow(of: owner + "_node", isAfter: isAfter) { (key, row) in
            if case .rowid(let number) = key { nodes[number] = row.last?.bytes }
        }
        var rows: [Int64: [SQLValue]] = [:]
        try net.forEachRow(of: owner + "_rowid", isAfter: isAfter) { (key, row) throws(BatchError) in
            guard case .rowid(let id) = key, row.count > 1, let node = row[1].integer else { return }
            rows[id] = try self.row(id, row, in: nodes[node] ?? [])
        }
        return rows
    }

    /// The coordinates and the auxiliary columns of a row.
    /// - Parameter values: of the row of `_rowid`: its id, its node, the auxiliary columns.
    func row(_ id: Int64, _ values: [SQLValue], in node: [UInt8]) throws(BatchError) -> [SQLValue] {
        let extra = Array(values.dropFirst(2))
        guard let cell = cell(id, in: node, columns.count - 1 - extra.count) else {
            throw Ledger.damaged("batchmgr_undo")
        }
        return cell + extra
    }

    /// Coordinates of a row in a node.
    private func cell(_ id: Int64, in node: [UInt8], _ coordinates: Int) -> [SQLValue]? {
        cells(in: node, coordinates) { $0 == id }[id]
    }

    /// The coordinates of all rows in a node, by their ids. Only the root says how deep the tree is below it.
    /// - Parameter auxiliary: how many of the columns are auxiliary.
    func rows(in node: [UInt8]?, auxiliary: Int) -> [Int64: [SQLValue]] {
        guard let node, node.starts(with: [0, 0]) else { return [:] }
        return cells(in: node, columns.count - 1 - auxiliary) { _ in true }
    }

    /// Two bytes of depth, two for the number of cells, then the cells, all big-endian.
    private func cells(
        in node: [UInt8], _ coordinates: Int, where isWanted: (Int64) -> Bool
    ) -> [Int64: [SQLValue]] {
        func number(_ offset: Int, _ length: Int) -> UInt64 {
            node[offset..<offset + length].reduce(0) { $0 << 8 | UInt64($1) }
        }
        var cells: [Int64: [SQLValue]] = [:]
        guard node.count >= 4, coordinates > 0 else { return cells }
        let size = 8 + 4 * coordinates
        for index in 0..<Int(number(2, 2)) {
            let start = 4 + index * size
            guard start + size <= node.count else { return cells }
            let id = Int64(bitPattern: number(start, 8))
            guard isWanted(id) else { continue }
            cells[id] = (0..<coordinates).map { coordinate in
                let bits = UInt32(truncatingIfNeeded: number(start + 8 + 4 * coordinate, 4))
                return isInteger ? .integer(Int64(Int32(bitPattern: bits))) : .real(Double(Float(bitPattern: bits)))
            }
        }
        return cells
    }
}

/// What a checkpoint did to the rows of an R*Tree, read from the images of its nodes.
///
/// The rows themselves are nowhere in the log: they are cells of nodes, and later batches move cells between nodes.
struct TreeChanges {
    struct Change {
        let id: Int64
        /// Coordinates, then auxiliary columns; nil when there was no such row.
        let before: [SQLValue]?
        let after: [SQLValue]?
        /// The auxiliary columns are not among them: they did not change.
        var isOfCoordinates = false

        /// Both sides as whole rows.
        /// - Parameter now: the row as it is, which has the auxiliary columns.
        func sides(beside now: [SQLValue]?) -> (before: [SQLValue]?, after: [SQLValue]?) {
            guard isOfCoordinates, let now, let count = after?.count else { return (before, after) }
            return (before.map { $0 + now.dropFirst(count) }, after.map { $0 + now.dropFirst(count) })
        }
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
        changes = found + (try TreeChanges.moved(nodes, besides: rows, tree, ledger.connection))
    }

    /// Rows that lie where they lay, with other coordinates. An UPDATE writes their row of `_rowid` again; an undo from a
    /// restore point writes what differs, and that is the node alone.
    private static func moved(
        _ nodes: [Int64: RowChange], besides rows: [Int64: RowChange], _ tree: TreeShape, _ connection: Connection
    ) throws(BatchError) -> [Change] {
        let columns = try connection.value(
            "SELECT count(*) FROM pragma_table_info(?, 'main')", [.string(tree.owner + "_rowid")])
        let auxiliary = Int(columns?.integer ?? 0) - 2
        if auxiliary < 0 { return [] }
        var moved: [Int64: [Change]] = [:]
        for (number, node) in nodes {
            let was = tree.rows(in: node.before?.last?.bytes, auxiliary: auxiliary)
            let now = tree.rows(in: node.after?.last?.bytes, auxiliary: auxiliary)
            for (id, after) in now where rows[id] == nil {
                guard let before = was[id], before != after else { continue }
                moved[number, default: []].append(Change(id: id, before: before, after: after, isOfCoordinates: true))
            }
        }
        if moved.isEmpty { return [] }
        // The cells of a node with others below it are no rows.
        let parents = "SELECT DISTINCT parentnode FROM main.\(SQLName.quote(tree.owner + "_parent"))"
        for parent in try connection.rows(parents) {
            if let number = parent[0].integer, number != TreeShape.root { moved[number] = nil }
        }
        return moved.values.joined().sorted { $0.id < $1.id }
    }

    /// What a run of checkpoints did, by the rows at both ends.
    init(_ tree: TreeShape, _ net: any NetChanges) throws(BatchError) {
        let (before, after) = (try tree.rows(net, isAfter: false), try tree.rows(net, isAfter: true))
        changes = Set(before.keys).union(after.keys).sorted().compactMap { id in
            before[id] == after[id] ? nil : Change(id: id, before: before[id], after: after[id])
        }
    }
}
