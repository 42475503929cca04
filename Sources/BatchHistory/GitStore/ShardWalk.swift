internal import BatchCore
internal import BatchLedger

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
