internal import BatchCore

/// An R*Tree, and how its rows lie in its nodes.
struct TreeShape {
    let owner: String
    /// The id, the coordinates, the auxiliary columns.
    let columns: [String]
    private let isInteger: Bool

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

    /// Coordinates of a row in a node: two bytes of depth, two for the number of cells, then the cells, all big-endian.
    private func cell(_ id: Int64, in node: [UInt8], _ coordinates: Int) -> [SQLValue]? {
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
