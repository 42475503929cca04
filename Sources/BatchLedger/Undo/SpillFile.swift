internal import BatchCore
internal import Glibc

/// Blocks that wait: the undo log of a large transaction on its way into the ledger, or changes to be read again. The file has no name: it is gone with the process.
final class SpillFile {
    private let descriptor: Int32
    private var blocks: [(entries: Int, size: Int, checksum: UInt64, length: Int)] = []

    init(folder: String) throws(BatchError) {
        var template = Array((folder + "/.batchmgr-undo-XXXXXX").utf8CString)
        descriptor = template.withUnsafeMutableBufferPointer { name in
            name.baseAddress.map { mkstemp($0) } ?? -1
        }
        guard descriptor >= 0 else { throw SpillFile.failure("make a temporary file in \(folder)") }
        template.withUnsafeBufferPointer { if let name = $0.baseAddress { _ = unlink(name) } }
    }

    deinit { close(descriptor) }

    func append(_ block: UndoBlock) throws(BatchError) {
        var written = 0
        while written < block.data.count {
            let count = block.data.withUnsafeBytes { bytes in
                bytes.baseAddress.map { write(descriptor, $0 + written, bytes.count - written) } ?? 0
            }
            guard count > 0 else { throw SpillFile.failure("write the undo log") }
            written += count
        }
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
        var data = [UInt8](repeating: 0, count: block.length)
        let count = data.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
        guard count == block.length else { throw SpillFile.failure("read the undo log") }
        return UndoBlock(entries: block.entries, size: block.size, checksum: block.checksum, data: data)
    }

    private static func failure(_ doing: String) -> BatchError {
        let number = errno
        let full = number == ENOSPC || number == EDQUOT
        return BatchError(
            full ? .diskFull : .file, "\(doing): \(String(cString: strerror(number)))",
            hint: "free some space, then: \(command: "doctor")")
    }
}
