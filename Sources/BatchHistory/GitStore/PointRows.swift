public import BatchCore
public import BatchLedger

/// Single rows of one commit, found by their keys: reads a few small objects for each, however large the database is.
public final class PointRows {
    private let repository: GitRepository
    private let folders: [TreeFolder]
    private let isUTF16: Bool
    /// The state of the database at this point.
    public let state: DatabaseState

    /// - Throws: `ERR_UX_UNKNOWN_POINT`, `ERR_DATA_CORRUPT_RECORD`.
    public init(_ store: GitStore, at commit: CommitID) throws(BatchError) {
        repository = try GitRepository(opening: store.path)
        let point = try PointReader(repository, commit.object)
        state = point.manifest.state
        isUTF16 = state.settings.isUTF16
        folders = try TableShards.folders(in: try TreeFolder(point.tree, in: repository))
    }

    /// The stored values of a row; nil when there is none.
    /// - Parameter layout: of the table as it was at this point.
    public func row(_ key: RowKey, of layout: TableLayout) throws(BatchError) -> [SQLValue]? {
        let walk = ShardWalk(repository: repository, format: LineFormat(layout), isUTF16: isUTF16)
        for tree in folders.compactMap({ $0.id(PathName.table(layout.name)) }) {
            if let row = try walk.row(key, in: tree) { return row }
        }
        return nil
    }

    /// Calls `body` for every row of a table.
    public func forEachRow(
        of layout: TableLayout, _ body: (RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        let format = LineFormat(layout)
        let walk = ShardWalk(repository: repository, format: format, isUTF16: isUTF16)
        for tree in folders.compactMap({ $0.id(PathName.table(layout.name)) }) {
            try walk.forEachRow(of: tree) { (rowid, values) throws(BatchError) in
                try body(format.key(rowid: rowid, values), format.stored(rowid: rowid, values))
            }
        }
    }
}

extension ShardWalk {
    /// One row by its key: the digits of the key are its path.
    fileprivate func row(_ key: RowKey, in tree: ObjectID) throws(BatchError) -> [SQLValue]? {
        var (tree, depth) = (tree, 0)
        while true {
            let entries = try TreeEntry.decode(try repository.read(tree, .tree), of: tree)
            let next = entries.first { entry in
                let end = depth + entry.name.utf8.count
                return end <= ShardKey.digits && ShardKey.label(key.order, depth..<end) == entry.name
            }
            guard let next else { return nil }
            guard next.isTree else {
                var found: [SQLValue]?
                try forEachRow(in: try repository.read(next.id, .blob)) { (rowid, values) throws(BatchError) in
                    if format.key(rowid: rowid, values) == key { found = format.stored(rowid: rowid, values) }
                }
                return found
            }
            depth += next.name.utf8.count
            tree = next.id
        }
    }
}
