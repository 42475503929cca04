public import BatchCore
public import BatchLedger

/// Single rows of one commit, found by their keys: reads a few small objects for each, however large the database is.
public final class PointRows {
    private let repository: GitRepository
    private let folders: [TreeFolder]
    private let isUTF16: Bool
    private var trees: [ObjectID: [TreeEntry]] = [:]
    private static let mostTrees = 1_000
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
            if let row = try row(key, below: tree, walk) { return row }
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

    /// One row by its key: the digits of the key are its path.
    private func row(_ key: RowKey, below top: ObjectID, _ walk: ShardWalk) throws(BatchError) -> [SQLValue]? {
        var (tree, depth) = (top, 0)
        while true {
            let next = try entries(of: tree).first { entry in
                let end = depth + entry.name.utf8.count
                return end <= ShardKey.digits && ShardKey.label(key.order, depth..<end) == entry.name
            }
            guard let next else { return nil }
            guard next.isTree else {
                var found: [SQLValue]?
                try walk.forEachRow(in: try repository.read(next.id, .blob)) { (rowid, values) throws(BatchError) in
                    if walk.format.key(rowid: rowid, values) == key {
                        found = walk.format.stored(rowid: rowid, values)
                    }
                }
                return found
            }
            depth += next.name.utf8.count
            tree = next.id
        }
    }

    /// Rows that are looked up one after another share most of their path.
    private func entries(of tree: ObjectID) throws(BatchError) -> [TreeEntry] {
        if let known = trees[tree] { return known }
        let entries = try TreeEntry.decode(try repository.read(tree, .tree), of: tree)
        if trees.count >= PointRows.mostTrees { trees = [:] }
        trees[tree] = entries
        return entries
    }
}

/// All rows of one table in a commit, shard by shard.
struct ShardWalk {
    let repository: GitRepository
    let format: LineFormat
    let isUTF16: Bool

    /// - Parameter body: gets the rowid and the values in the order of the line format, in the order of the tree.
    func forEachRow(
        of tree: ObjectID, _ body: (Int64?, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        let entries = try TreeEntry.decode(try repository.read(tree, .tree), of: tree)
        for entry in entries where !entry.name.hasSuffix(ShardStore.filesSuffix) {
            if entry.isTree {
                try forEachRow(of: entry.id, body)
            } else {
                try forEachRow(in: try repository.read(entry.id, .blob), body)
            }
        }
    }

    /// The rows of one shard.
    func forEachRow(
        in text: [UInt8], _ body: (Int64?, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        let walked = text.withUnsafeBufferPointer { bytes in
            Result { () throws(BatchError) in
                var start = 0
                while start < bytes.count {
                    let end = bytes[start...].firstIndex(of: 10) ?? bytes.count
                    let line = UnsafeBufferPointer(rebasing: bytes[start..<end])
                    var reader = LineReader(line, isUTF16: isUTF16) { id throws(BatchError) in
                        try repository.read(id, .blob)
                    }
                    let row = try reader.row(format)
                    try body(row.rowid, row.values)
                    start = end + 1
                }
            }
        }
        try walked.get()
    }
}
