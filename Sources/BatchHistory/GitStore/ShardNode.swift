internal import BatchCore

/// One row in a shard: its place and its line.
struct ShardRow {
    let key: UInt64
    let line: [UInt8]
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
    var rows: [ShardRow] = []
    /// The children of a branch that was read or made, in ascending order.
    var children: [ShardNode] = []
    /// A child lost rows, so that all of them together may now fit into one shard.
    var hasLostRows = false

    init(prefix: UInt64, depth: Int, content: Content) {
        self.prefix = prefix
        self.depth = depth
        self.content = content
    }

    convenience init(prefix: UInt64, rows: [ShardRow]) {
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
}
