public import BatchCore

/// A block of the undo log as another record keeps it. What is in it only an undo reads.
public struct UndoBlockCopy: Hashable, Sendable {
    /// Number of the checkpoint within its batch, from 1.
    public let checkpoint: Int
    /// From 0.
    public let number: Int
    public let bytes: [UInt8]
}

/// Copies of undo blocks. A restore point knows both ends of a batch; the blocks lead back to a checkpoint in between.
public protocol UndoBlockCopies {
    /// Numbers of blocks that there are of a checkpoint; none when no copy was kept.
    func blocks(of checkpoint: Int) throws(BatchError) -> Int

    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when it is missing or damaged.
    func block(_ number: Int, of checkpoint: Int) throws(BatchError) -> [UInt8]
}

extension UndoBlock {
    var encoded: [UInt8] {
        var buffer = ByteBuffer(capacity: data.count + 32)
        buffer.appendVarint(UInt64(entries))
        buffer.appendVarint(UInt64(size))
        buffer.appendFixed(checksum)
        buffer.append(contentsOf: data)
        return Array(buffer.bytes)
    }

    init(encoded: [UInt8]) throws(BatchError) {
        self = try encoded.reading { (reader) throws(BatchError) in
            let (entries, size) = (try reader.varint(), try reader.varint())
            let checksum = try reader.fixed()
            let data = [UInt8](try reader.slice(encoded.count - reader.position))
            return UndoBlock(
                entries: Int(clamping: entries), size: Int(clamping: size), checksum: checksum, data: data)
        }
    }
}
