internal import BatchCore
internal import BatchLedger

/// Reads and writes the shards and branches of one table.
final class ShardStore {
    private let repository: GitRepository
    private let pack: PackWriter
    private let format: LineFormat
    private let isUTF16: Bool
    /// Fetches long key values.
    private let load: (ObjectID) throws(BatchError) -> [UInt8]
    /// Two rows never share a key: it is the rowid and no hash.
    let keysAreUnique: Bool

    init(_ repository: GitRepository, _ pack: PackWriter, _ format: LineFormat, isUTF16: Bool) {
        self.repository = repository
        self.pack = pack
        self.format = format
        self.isUTF16 = isUTF16
        load = { id throws(BatchError) in try repository.read(id, .blob) }
        keysAreUnique = format.hasRowid
    }

    func missingRow() -> BatchError {
        BatchError(
            .corruptRecord, "git has no such row of table \(format.layout.name) as the batch changed",
            hint: "compare the records: \(command: "verify")")
    }

    // MARK: Reading

    /// Reads what is still only in git.
    func load(_ node: ShardNode) throws(BatchError) {
        switch node.content {
        case .shard, .branch: return
        case .storedBranch(let id):
            node.children = try children(of: id, prefix: node.prefix, depth: node.depth)
            node.content = .branch
        case .storedShard(let id, _):
            node.rows = try rows(try repository.read(id, .blob))
            node.content = .shard
        }
    }

    func children(of tree: ObjectID, prefix: UInt64, depth: Int) throws(BatchError) -> [ShardNode] {
        let entries = try TreeEntry.decode(try repository.read(tree, .tree), of: tree)
        var nodes: [ShardNode] = []
        for entry in entries where !entry.name.hasSuffix(ShardStore.filesSuffix) {
            guard let key = ShardKey.setting(entry.name, in: prefix, at: depth) else {
                throw GitRepository.corrupt(tree, .tree, "has an entry that is not a shard: \(entry.name)")
            }
            let content: ShardNode.Content
            if entry.isTree {
                content = .storedBranch(entry.id)
            } else {
                let files = entries.first { $0.name == entry.name + ShardStore.filesSuffix }
                content = .storedShard(entry.id, files: files?.id)
            }
            nodes.append(ShardNode(prefix: key, depth: depth + entry.name.utf8.count, content: content))
        }
        return nodes
    }

    private func rows(_ text: [UInt8]) throws(BatchError) -> [ShardNode.Row] {
        var rows: [ShardNode.Row] = []
        rows.reserveCapacity(ShardTree.largest)
        let read = text.withUnsafeBufferPointer { text in
            Result { () throws(BatchError) in
                var start = 0
                while start < text.count {
                    let end = (text[start...].firstIndex(of: 10) ?? text.count - 1) + 1
                    let line = UnsafeBufferPointer(rebasing: text[start..<end])
                    rows.append(ShardNode.Row(key: try key(of: line), line: Array(line)))
                    start = end
                }
            }
        }
        try read.get()
        return rows
    }

    private func key(of line: UnsafeBufferPointer<UInt8>) throws(BatchError) -> UInt64 {
        var reader = LineReader(line, isUTF16: isUTF16, load: load)
        let row = try reader.row(format, count: format.keyCount)
        return format.key(rowid: row.rowid, row.values).order
    }

    // MARK: Writing

    static let filesSuffix = ".files"
    private static let reference = Array("{\"git\":\"".utf8)

    /// Writes the tree of a branch with the shards that are its children.
    func write(_ children: [ShardNode], depth: Int) throws(BatchError) -> ObjectID {
        var entries: [TreeEntry] = []
        for child in children {
            let name = ShardKey.label(child.prefix, depth..<(child.isBranch ? child.depth : depth + 1))
            switch child.content {
            case .storedBranch(let id):
                entries.append(TreeEntry(name: name, id: id, isTree: true))
            case .storedShard(let id, let files):
                entries += ShardStore.entries(name, id, files)
            case .shard:
                let (id, files) = try writeShard(child.rows)
                entries += ShardStore.entries(name, id, files)
            case .branch:
                throw BatchError(
                    .internalFault, "a branch of a shard tree was not sealed", hint: "\(command: "doctor")")
            }
        }
        return try pack.add(.tree, TreeEntry.encode(entries))
    }

    private static func entries(_ name: String, _ shard: ObjectID, _ files: ObjectID?) -> [TreeEntry] {
        [TreeEntry(name: name, id: shard, isTree: false)]
            + (files.map { [TreeEntry(name: name + filesSuffix, id: $0, isTree: true)] } ?? [])
    }

    private func writeShard(_ rows: [ShardNode.Row]) throws(BatchError) -> (ObjectID, files: ObjectID?) {
        var text = ByteBuffer(capacity: rows.reduce(0) { $0 + $1.line.count })
        var files: Set<ObjectID> = []
        for row in rows {
            text.append(contentsOf: row.line)
            if row.line.count > 48 { ShardStore.collectReferences(row.line, into: &files) }
        }
        let id = try pack.add(.blob, text.bytes)
        if files.isEmpty { return (id, nil) }
        let entries = files.map { TreeEntry(name: $0.description, id: $0, isTree: false) }
        return (id, try pack.add(.tree, TreeEntry.encode(entries)))
    }

    /// Finds the long values of a line. Inside a JSON string its quotes would be escaped, so the opening is
    /// unmistakable.
    private static func collectReferences(_ line: [UInt8], into files: inout Set<ObjectID>) {
        var position = 0
        while let brace = line[position...].firstIndex(of: UInt8(ascii: "{")) {
            let start = brace + reference.count
            if line[brace...].starts(with: reference), start + 40 <= line.count,
                let id = ObjectID(hex: String(decoding: line[start..<start + 40], as: UTF8.self))
            {
                files.insert(id)
            }
            position = brace + 1
        }
    }
}

/// A part of a table's tree: a shard of up to `ShardTree.largest` rows, or a branch with the parts below it.
/// What no change has touched stays in git, unread.
final class ShardNode {
    enum Content {
        /// Unread: a blob of lines with the folder of its long values.
        case storedShard(ObjectID, files: ObjectID?)
        /// Unread, or written and done with.
        case storedBranch(ObjectID)
        case shard
        case branch
    }

    /// A key in it, or at least its first digits.
    let prefix: UInt64
    /// Of a branch: how many digits its keys share; its children part at the next one.
    let depth: Int
    var content: Content
    /// The rows of a shard that was read or made, in ascending order.
    var rows: [Row] = []
    /// The children of a branch that was read or made, in ascending order.
    var children: [ShardNode] = []
    /// A child lost rows, so that all of them together may now fit into one shard.
    var hasLostRows = false

    init(prefix: UInt64, depth: Int, content: Content) {
        self.prefix = prefix
        self.depth = depth
        self.content = content
    }

    convenience init(prefix: UInt64, rows: [Row]) {
        self.init(prefix: prefix, depth: 0, content: .shard)
        self.rows = rows
    }

    var isBranch: Bool {
        switch content {
        case .storedBranch, .branch: true
        case .storedShard, .shard: false
        }
    }

    /// Where among the children the one with this digit is, or would be.
    func place(of digit: Int) -> (index: Int, isThere: Bool) {
        for (index, child) in children.enumerated() {
            let found = ShardKey.digit(child.prefix, depth)
            if found >= digit { return (index, found == digit) }
        }
        return (children.count, false)
    }

    /// One row in a shard: its place and its line.
    struct Row {
        let key: UInt64
        let line: [UInt8]
    }
}
