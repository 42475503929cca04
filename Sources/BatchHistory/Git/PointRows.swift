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

    /// How the tables looked at this point.
    public func layouts() throws(BatchError) -> [TableLayout] { try SchemaModel(state).tables }

    /// Calls `body` for the rows of a table, in the order of the tree, until it says false. Later shards are not read.
    public func readRows(
        of layout: TableLayout, while body: (RowKey, [SQLValue]) throws(BatchError) -> Bool
    ) throws(BatchError) {
        let walk = ShardWalk(repository: repository, format: LineFormat(layout), isUTF16: isUTF16)
        for tree in folders.compactMap({ $0.id(PathName.table(layout.name)) }) {
            guard try goOn(Part(id: tree, isTree: true), walk, body) else { return }
        }
    }

    private func goOn(
        _ part: Part, _ walk: ShardWalk, _ body: (RowKey, [SQLValue]) throws(BatchError) -> Bool
    ) throws(BatchError) -> Bool {
        guard part.isTree else {
            var goesOn = true
            try walk.forEachRow(in: try repository.read(part.id, .blob)) { (rowid, values) throws(BatchError) in
                guard goesOn else { return }
                let format = walk.format
                goesOn = try body(format.key(rowid: rowid, values), format.stored(rowid: rowid, values))
            }
            return goesOn
        }
        for inner in try part.parts(in: repository) {
            guard try goOn(inner, walk, body) else { return false }
        }
        return true
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

    /// A part of a table's tree: a folder or a file, and the digits of the keys in it.
    struct Part {
        let id: ObjectID
        let isTree: Bool
        /// Its digits, and zeros after them.
        var prefix: UInt64 = 0
        var depth = 0

        func mayHold(_ key: UInt64) -> Bool { ShardKey.commonDigits(prefix, key) >= depth }

        /// What lies in a folder. Digits end somewhere, and so do folders.
        func parts(in repository: GitRepository) throws(BatchError) -> [Part] {
            let entries = try TreeEntry.decode(try repository.read(id, .tree), of: id)
            var parts: [Part] = []
            for entry in entries where !entry.name.hasSuffix(ShardStore.filesSuffix) {
                guard let key = ShardKey.setting(entry.name, in: prefix, at: depth) else {
                    throw GitRepository.corrupt(id, .tree, "has an entry that is not a shard: \(entry.name.prefix(40))")
                }
                parts.append(
                    Part(id: entry.id, isTree: entry.isTree, prefix: key, depth: depth + entry.name.utf8.count))
            }
            if parts.isEmpty { throw GitRepository.corrupt(id, .tree, "is empty") }
            return parts
        }
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
        try forEachRow(of: PointRows.Part(id: tree, isTree: true), body)
    }

    private func forEachRow(
        of part: PointRows.Part, _ body: (Int64?, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        guard part.isTree else {
            // A row in a place where its key does not belong: somebody made a few objects stand for very many.
            var isFirst = true
            try forEachRow(in: try repository.read(part.id, .blob)) { (rowid, values) throws(BatchError) in
                if isFirst, !part.mayHold(format.key(rowid: rowid, values).order) {
                    throw GitRepository.corrupt(part.id, .blob, "holds rows that belong elsewhere")
                }
                isFirst = false
                try body(rowid, values)
            }
            if isFirst { throw GitRepository.corrupt(part.id, .blob, "is empty") }
            return
        }
        for inner in try part.parts(in: repository) { try forEachRow(of: inner, body) }
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
