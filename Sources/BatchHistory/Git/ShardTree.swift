internal import BatchCore

/// The rows of one table (of one tenant) as a tree of shards, changed row by row and written back to git.
///
/// A radix tree over sixteen digits per key: a part with at most `largest` rows is one file of lines; a larger one is a
/// folder whose parts begin where its keys first differ. So the tree depends on the rows alone and not on how they
/// came; dense, sparse and interleaved keys all make shards of fair size; and a change touches one shard and a few
/// small folders, however large the table is.
final class ShardTree {
    /// Dense rowids make shards of sixteen rows, others of up to this many.
    static let largest = 64

    let shards: ShardStore
    private let root: ShardNode
    private var lastKey: UInt64 = 0
    /// The shard that got the last row, and how many digits its keys share: the next row is mostly its neighbour.
    private var recent: (shard: ShardNode, digits: Int)?

    /// - Parameter id: the tree that git holds; nil for an empty table.
    init(_ id: ObjectID?, _ shards: ShardStore) throws(BatchError) {
        self.shards = shards
        root = ShardNode(prefix: 0, depth: 0, content: .branch)
        if let id { root.children = try shards.children(of: id, prefix: 0, depth: 0) }
    }

    /// Adds a row, or replaces the one with the same key. Keys come in ascending order.
    func put(_ key: UInt64, _ line: [UInt8], named name: [UInt8]) throws(BatchError) {
        lastKey = key
        let row = ShardNode.Row(key: key, line: line)
        if let recent, let last = recent.shard.rows.last, last.key < key, recent.shard.rows.count < ShardTree.largest,
            ShardKey.commonDigits(last.key, key) >= recent.digits
        {
            recent.shard.rows.append(row)
            return
        }
        recent = nil
        try insert(row, named: name)
    }

    private func insert(_ row: ShardNode.Row, named name: [UInt8]) throws(BatchError) {
        let key = row.key
        var node = root
        while true {
            let (index, isThere) = node.place(of: ShardKey.digit(key, node.depth))
            guard isThere else {
                let shard = ShardNode(prefix: key, rows: [row])
                node.children.insert(shard, at: index)
                recent = (shard, node.depth + 1)
                return
            }
            let child = node.children[index]
            guard child.isBranch else {
                try shards.load(child)
                replace(row, named: name, in: child)
                if child.rows.count > ShardTree.largest {
                    node.children[index] = split(child)
                } else {
                    recent = (child, node.depth + 1)
                }
                return
            }
            let common = ShardKey.commonDigits(child.prefix, key)
            if common < child.depth {
                let fork = ShardNode(prefix: key, depth: common, content: .branch)
                let fresh = ShardNode(prefix: key, rows: [row])
                fork.children = child.prefix < key ? [child, fresh] : [fresh, child]
                node.children[index] = fork
                return
            }
            try shards.load(child)
            node = child
        }
    }

    /// Takes a row out.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when the tree has no such row: it is not the state that the change began
    ///   from.
    func remove(_ key: UInt64, named name: [UInt8]) throws(BatchError) {
        lastKey = key
        recent = nil
        var node = root
        while true {
            let (index, isThere) = node.place(of: ShardKey.digit(key, node.depth))
            guard isThere else { throw shards.missingRow() }
            let child = node.children[index]
            try shards.load(child)
            if child.isBranch {
                guard ShardKey.commonDigits(child.prefix, key) >= child.depth else { throw shards.missingRow() }
                node = child
                continue
            }
            guard let place = child.rows.firstIndex(where: { matches($0, key, name) }) else {
                throw shards.missingRow()
            }
            child.rows.remove(at: place)
            if child.rows.isEmpty { node.children.remove(at: index) }
            node.hasLostRows = true
            return
        }
    }

    /// Rowids differ when their keys do; other keys are hashed, so the line has to begin with the same key values.
    private func matches(_ row: ShardNode.Row, _ key: UInt64, _ name: [UInt8]) -> Bool {
        row.key == key && (shards.keysAreUnique || isNamed(row.line, name))
    }

    private func isNamed(_ line: [UInt8], _ name: [UInt8]) -> Bool {
        guard line.count > name.count, line.starts(with: name) else { return false }
        return line[name.count] == UInt8(ascii: ",") || line[name.count] == UInt8(ascii: "}")
    }

    private func replace(_ row: ShardNode.Row, named name: [UInt8], in shard: ShardNode) {
        if let last = shard.rows.last, last.key < row.key {
            shard.rows.append(row)
            return
        }
        if let old = shard.rows.firstIndex(where: { matches($0, row.key, name) }) {
            shard.rows[old] = row
            return
        }
        let place = shard.rows.firstIndex {
            $0.key > row.key || ($0.key == row.key && row.line.lexicographicallyPrecedes($0.line))
        }
        shard.rows.insert(row, at: place ?? shard.rows.count)
    }

    private func split(_ shard: ShardNode) -> ShardNode {
        guard let first = shard.rows.first?.key, let last = shard.rows.last?.key, first != last else { return shard }
        let branch = ShardNode(prefix: first, depth: ShardKey.commonDigits(first, last), content: .branch)
        for row in shard.rows {
            if let child = branch.children.last,
                ShardKey.digit(child.prefix, branch.depth) == ShardKey.digit(row.key, branch.depth)
            {
                child.rows.append(row)
            } else {
                branch.children.append(ShardNode(prefix: row.key, rows: [row]))
            }
        }
        return branch
    }

    // MARK: Writing

    /// Writes the parts that lie wholly before the last key, to free their memory.
    func seal() throws(BatchError) {
        recent = nil
        var node = root
        while true {
            let (index, isThere) = node.place(of: ShardKey.digit(lastKey, node.depth))
            var kept: [ShardNode] = []
            for child in node.children[..<index] {
                if let sealed = try sealed(child, in: node) { kept.append(sealed) }
            }
            let next = isThere ? node.children[index] : nil
            node.children.replaceSubrange(..<index, with: kept)
            guard let next, case .branch = next.content, ShardKey.commonDigits(next.prefix, lastKey) >= next.depth
            else { return }
            node = next
        }
    }

    /// Writes everything; nil when the table is empty.
    func finish() throws(BatchError) -> ObjectID? {
        var kept: [ShardNode] = []
        for child in root.children {
            if let sealed = try sealed(child, in: root) { kept.append(sealed) }
        }
        return kept.isEmpty ? nil : try shards.write(kept, depth: 0)
    }

    /// The node in its final form: branches are written, shards are left to the branch above them, which may yet merge
    /// them. Nil when no row is left.
    private func sealed(_ node: ShardNode, in parent: ShardNode) throws(BatchError) -> ShardNode? {
        guard case .branch = node.content else { return node }
        var kept: [ShardNode] = []
        for child in node.children {
            if let sealed = try sealed(child, in: node) { kept.append(sealed) }
        }
        node.children = kept
        guard let only = kept.first else { return nil }
        if kept.count == 1 {
            if !only.isBranch { parent.hasLostRows = true }
            return only
        }
        if node.hasLostRows, let rows = try mergedRows(kept) {
            parent.hasLostRows = true
            return ShardNode(prefix: node.prefix, rows: rows)
        }
        node.content = .storedBranch(try shards.write(kept, depth: node.depth))
        node.children = []
        return node
    }

    /// All rows below, when they fit into one shard.
    private func mergedRows(_ children: [ShardNode]) throws(BatchError) -> [ShardNode.Row]? {
        if children.contains(where: { $0.isBranch }) { return nil }
        var rows: [ShardNode.Row] = []
        for child in children {
            try shards.load(child)
            rows += child.rows
            if rows.count > ShardTree.largest { return nil }
        }
        return rows
    }
}

/// A row's place in the tree of its table: sixteen hexadecimal digits, the most significant first.
enum ShardKey {
    static let digits = 16
    private static let characters = Array("0123456789abcdef".utf8)

    /// - Parameter position: 0 is the first digit.
    static func digit(_ key: UInt64, _ position: Int) -> Int { Int(key >> UInt64(60 - position * 4) & 15) }

    /// How many digits two keys share from the start.
    static func commonDigits(_ a: UInt64, _ b: UInt64) -> Int { (a ^ b).leadingZeroBitCount / 4 }

    /// The digits of a range as text: the name of a folder or file.
    static func label(_ key: UInt64, _ range: Range<Int>) -> String {
        String(unsafeUninitializedCapacity: range.count) { text in
            for (index, position) in range.enumerated() { text[index] = characters[digit(key, position)] }
            return range.count
        }
    }

    /// `key` with the digits of `label` at `position` and zeros after them; nil when the label is not made of digits
    /// or is too long.
    static func setting(_ label: String, in key: UInt64, at position: Int) -> UInt64? {
        let length = label.utf8.count
        guard length > 0, position + length <= digits else { return nil }
        var value: UInt64 = 0
        for character in label.utf8 {
            switch character {
            case 48...57: value = value << 4 | UInt64(character - 48)
            case 97...102: value = value << 4 | UInt64(character - 87)
            default: return nil
            }
        }
        let kept = position == 0 ? 0 : key & ~(UInt64.max >> UInt64(position * 4))
        return kept | value << UInt64(64 - (position + length) * 4)
    }
}
