internal import BatchCore
internal import CXXHash
internal import CZstd

/// Compresses and restores undo blocks with zstd.
final class BlockCompressor {
    private let context: OpaquePointer?
    private var scratch: [UInt8] = []
    /// Level 1 keeps up with capture; blocks of an undo log gain little from more.
    private static let level: Int32 = 1
    /// A block is at most this long before compression, unless a single row is longer.
    static let blockSize = 262_144

    init() { context = ZSTD_createCCtx() }
    deinit { ZSTD_freeCCtx(context) }

    func block(_ bytes: [UInt8], entries: Int) throws(BatchError) -> UndoBlock {
        let bound = ZSTD_compressBound(bytes.count)
        if scratch.count < bound { scratch = [UInt8](repeating: 0, count: bound) }
        let length = scratch.withUnsafeMutableBytes {
            ZSTD_compressCCtx(context, $0.baseAddress, $0.count, bytes, bytes.count, BlockCompressor.level)
        }
        guard ZSTD_isError(length) == 0 else {
            throw BatchError(.internalFault, "compress an undo block: \(name(length))", hint: "batchmgr doctor")
        }
        let data = Array(scratch[..<length])
        return UndoBlock(
            entries: entries, size: bytes.count, checksum: BlockCompressor.checksum(data), data: data)
    }

    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when the block is not what was written.
    static func restore(_ block: UndoBlock) throws(BatchError) -> ByteBuffer {
        guard checksum(block.data) == block.checksum, block.size >= 0, block.size < 1 << 31 else { throw damaged }
        var buffer = ByteBuffer(capacity: max(16, block.size))
        let length = block.data.withUnsafeBytes {
            ZSTD_decompress(buffer.start, block.size, $0.baseAddress, $0.count)
        }
        guard ZSTD_isError(length) == 0, length == block.size else { throw damaged }
        buffer.setCount(length)
        return buffer
    }

    private static var damaged: BatchError {
        BatchError(.corruptRecord, "an undo block is damaged", hint: "see what else is damaged: batchmgr verify")
    }

    private static func checksum(_ data: [UInt8]) -> UInt64 {
        data.withUnsafeBytes { cxxhash_64($0.baseAddress, $0.count) }
    }

    private func name(_ code: Int) -> String { String(cString: ZSTD_getErrorName(code)) }
}
