internal import BatchCore
internal import BatchSystem

/// Blocks that wait: the undo log of a large transaction on its way into the ledger, or changes to be read again. The file has no name: it is gone with the process.
final class SpillFile {
    private let file: File
    private var blocks: [(entries: Int, size: Int, checksum: UInt64, length: Int)] = []

    init(folder: String) throws(BatchError) { file = try File(withoutNameIn: folder) }

    func append(_ block: UndoBlock) throws(BatchError) {
        try file.write(block.data)
        blocks.append((block.entries, block.size, block.checksum, block.data.count))
    }

    func forEachBlock(_ body: (UndoBlock) throws(BatchError) -> Void) throws(BatchError) {
        var offset = 0
        for block in blocks {
            try body(try read(block, at: offset))
            offset += block.length
        }
    }

    var count: Int { blocks.count }

    /// - Parameter index: counted from 0, in the order of writing.
    func block(_ index: Int) throws(BatchError) -> UndoBlock {
        let place = blocks[..<index].reduce(0) { $0 + $1.length }
        return try read(blocks[index], at: place)
    }

    private func read(
        _ block: (entries: Int, size: Int, checksum: UInt64, length: Int), at offset: Int
    ) throws(BatchError) -> UndoBlock {
        let data = try file.read(block.length, at: offset)
        return UndoBlock(entries: block.entries, size: block.size, checksum: block.checksum, data: data)
    }
}
