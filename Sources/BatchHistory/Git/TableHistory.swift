public import BatchCore
public import BatchLedger

/// The rows of one table in the commits of a repository, found by file or by key. Points share most of their files, so
/// each is read once.
public final class TableHistory {
    private let table: String
    private let repository: GitRepository
    /// The rows that are looked for, by the tree or file that holds them.
    private var known: [ObjectID: [(key: RowKey, row: [SQLValue])]] = [:]
    private var wanted = WantedKeys([])

    init(of table: String, in repository: GitRepository) {
        self.table = table
        self.repository = repository
    }

    /// Calls `body` with the rows of every file of the table that these commits hold, each file once.
    public func forEachFile(
        in points: [GitPoint], _ body: (TableLayout, [(key: RowKey, row: [SQLValue])]) throws(BatchError) -> Void
    ) throws(BatchError) {
        var seen: Set<ObjectID> = []
        for point in points {
            guard let layout = try SchemaModel(point.state).layout(table) else { continue }
            let walk = walk(point.state, layout)
            // Files of one point hold different rows, and a condition is looked at once for many of them.
            var rows: [(key: RowKey, row: [SQLValue])] = []
            for part in try parts(of: point.id) {
                try visit(part, &seen) { (file) throws(BatchError) in
                    try walk.forEachRow(in: try repository.read(file, .blob)) { (rowid, line) in
                        rows.append((walk.format.key(rowid: rowid, line), walk.format.stored(rowid: rowid, line)))
                    }
                    if rows.count >= TableHistory.mostRows {
                        try body(layout, rows)
                        rows = []
                    }
                }
            }
            if !rows.isEmpty { try body(layout, rows) }
        }
    }

    /// Rows that are handed over together.
    private static let mostRows = 2_048

    private func visit(
        _ part: PointRows.Part, _ seen: inout Set<ObjectID>, _ body: (ObjectID) throws(BatchError) -> Void
    ) throws(BatchError) {
        guard seen.insert(part.id).inserted else { return }
        guard part.isTree else { return try body(part.id) }
        for inner in try part.parts(in: repository) { try visit(inner, &seen, body) }
    }

    /// Calls `body` with every version of these rows: their keys are the way to them.
    public func forEachVersion(
        of keys: Set<RowKey>, in points: [GitPoint],
        _ body: (TableLayout, RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        look(for: keys)
        for point in points {
            guard let layout = try SchemaModel(point.state).layout(table) else { continue }
            let walk = walk(point.state, layout)
            for part in try parts(of: point.id) {
                for (key, row) in try found(in: part, walk) { try body(layout, key, row) }
            }
        }
    }

    /// The rows of these keys at one point.
    func find(
        _ keys: Set<RowKey>, in commit: CommitID, _ state: DatabaseState
    ) throws(BatchError) -> [(key: RowKey, row: [SQLValue])] {
        look(for: keys)
        guard let layout = try SchemaModel(state).layout(table) else { return [] }
        let walk = walk(state, layout)
        var rows: [(key: RowKey, row: [SQLValue])] = []
        for part in try parts(of: commit) { rows += try found(in: part, walk) }
        return rows
    }

    private func walk(_ state: DatabaseState, _ layout: TableLayout) -> ShardWalk {
        ShardWalk(repository: repository, format: LineFormat(layout), isUTF16: state.settings.isUTF16)
    }

    private func parts(of commit: CommitID) throws(BatchError) -> [PointRows.Part] {
        let tree = try CommitHeader(try repository.read(commit.object, .commit), commit.object).tree
        return try TableShards.folders(in: try TreeFolder(tree, in: repository))
            .compactMap { $0.id(PathName.table(table)) }.map { PointRows.Part(id: $0, isTree: true) }
    }

    private func look(for keys: Set<RowKey>) {
        if wanted.keys == keys { return }
        known = [:]
        wanted = WantedKeys(keys)
    }

    /// Goes only where a key leads.
    private func found(in part: PointRows.Part, _ walk: ShardWalk) throws(BatchError) -> [(
        key: RowKey, row: [SQLValue]
    )] {
        guard wanted.hasAny(in: part) else { return [] }
        if let rows = known[part.id] { return rows }
        var rows: [(key: RowKey, row: [SQLValue])] = []
        if part.isTree {
            for inner in try part.parts(in: repository) { rows += try found(in: inner, walk) }
        } else {
            try walk.forEachRow(in: try repository.read(part.id, .blob)) { (rowid, line) in
                let key = walk.format.key(rowid: rowid, line)
                if wanted.keys.contains(key) { rows.append((key, walk.format.stored(rowid: rowid, line))) }
            }
        }
        known[part.id] = rows
        return rows
    }

    /// Keys that are looked for, in the order of the tree.
    private struct WantedKeys {
        let keys: Set<RowKey>
        private let orders: [UInt64]

        init(_ keys: Set<RowKey>) {
            self.keys = keys
            orders = keys.map(\.order).sorted()
        }

        /// True when a key may lie in this part.
        func hasAny(in part: PointRows.Part) -> Bool {
            var (low, high) = (0, orders.count)
            while low < high {
                let middle = (low + high) / 2
                if orders[middle] < part.prefix { low = middle + 1 } else { high = middle }
            }
            return low < orders.count && part.mayHold(orders[low])
        }
    }
}
