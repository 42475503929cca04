public import BatchCore
internal import BatchSystem
internal import CXXHash
internal import CZstd
internal import Synchronization

/// A compressed run of undo log entries.
struct UndoBlock {
    /// Entries are numbered through a checkpoint in the order of execution.
    let entries: Int
    /// Bytes before compression.
    let size: Int
    /// XXH3 of the compressed bytes.
    let checksum: UInt64
    let data: [UInt8]
}

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

    func opened() throws(BatchError) -> OpenUndoBlock {
        OpenUndoBlock(entries: entries, buffer: try BlockCompressor.restore(self))
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

/// A block, expanded.
struct OpenUndoBlock {
    let entries: Int
    let buffer: ByteBuffer
}

/// Compresses bytes that come in pieces into one zstd frame.
package final class FrameWriter {
    private let context = ZSTD_createCCtx()
    private let space = UnsafeMutableRawBufferPointer.allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 16)

    /// - Parameter size: of all pieces together, in bytes: the frame says it when it is expanded.
    package init(size: Int, level: Int32) {
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        ZSTD_CCtx_setPledgedSrcSize(context, UInt64(size))
    }

    deinit {
        ZSTD_freeCCtx(context)
        space.deallocate()
    }

    /// - Parameter write: gets what is ready of the frame.
    package func append(
        _ piece: UnsafeRawBufferPointer, to write: (UnsafeRawBufferPointer) throws(BatchError) -> Void
    ) throws(BatchError) {
        try feed(piece, ZSTD_e_continue, write)
    }

    /// Hands over the rest.
    package func finish(_ write: (UnsafeRawBufferPointer) throws(BatchError) -> Void) throws(BatchError) {
        try feed(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end, write)
    }

    private func feed(
        _ piece: UnsafeRawBufferPointer, _ end: ZSTD_EndDirective,
        _ write: (UnsafeRawBufferPointer) throws(BatchError) -> Void
    ) throws(BatchError) {
        var input = ZSTD_inBuffer(src: piece.baseAddress, size: piece.count, pos: 0)
        while true {
            var output = ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
            let left = ZSTD_compressStream2(context, &output, &input, end)
            guard ZSTD_isError(left) == 0 else {
                throw BatchError(.internalFault, "a block cannot be compressed", hint: "\(command: "doctor")")
            }
            if output.pos > 0 { try write(UnsafeRawBufferPointer(rebasing: space[..<output.pos])) }
            if end == ZSTD_e_end ? left == 0 : input.pos == input.size { return }
        }
    }
}

/// Compresses and restores undo blocks with zstd.
final class BlockCompressor {
    private let context: OpaquePointer?
    /// Level 1 keeps up with capture; blocks of an undo log gain little from more.
    static let level: Int32 = 1
    /// A block is at most this long before compression, unless a single row is longer.
    static let blockSize = 262_144

    init() { context = ZSTD_createCCtx() }
    deinit { ZSTD_freeCCtx(context) }

    func block(_ bytes: [UInt8], entries: Int) throws(BatchError) -> UndoBlock {
        var length = 0
        let compressed = [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { memory, count in
            length = ZSTD_compressCCtx(
                context, memory.baseAddress, memory.count, bytes, bytes.count, BlockCompressor.level)
            count = ZSTD_isError(length) == 0 ? length : 0
        }
        guard ZSTD_isError(length) == 0 else {
            throw BatchError(.internalFault, "compress an undo block: \(name(length))", hint: "\(command: "doctor")")
        }
        // What waits takes no more room than it needs; a large value is not copied for that.
        let data = length < compressed.capacity / 2 ? Array(compressed[...]) : compressed
        return UndoBlock(
            entries: entries, size: bytes.count, checksum: BlockCompressor.checksum(data), data: data)
    }

    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when the block is not what was written.
    static func restore(_ block: UndoBlock) throws(BatchError) -> ByteBuffer {
        let restored = block.data.withUnsafeBytes { bytes in
            Result { () throws(BatchError) in try restore(bytes, size: block.size, checksum: block.checksum) }
        }
        return try restored.get()
    }

    /// - Parameter size: before compression, in bytes.
    static func restore(
        _ bytes: UnsafeRawBufferPointer, size: Int, checksum: UInt64
    ) throws(BatchError) -> ByteBuffer {
        guard cxxhash_64(bytes.baseAddress, bytes.count) == checksum, size >= 0, size < 1 << 31 else { throw damaged }
        var buffer = ByteBuffer(capacity: max(16, size))
        let length = ZSTD_decompress(buffer.start, size, bytes.baseAddress, bytes.count)
        guard ZSTD_isError(length) == 0, length == size else { throw damaged }
        buffer.setCount(length)
        return buffer
    }

    private static var damaged: BatchError {
        BatchError(.corruptRecord, "an undo block is damaged", hint: "see what else is damaged: \(command: "verify")")
    }

    private static func checksum(_ data: [UInt8]) -> UInt64 {
        data.withUnsafeBytes { cxxhash_64($0.baseAddress, $0.count) }
    }

    private func name(_ code: Int) -> String { String(cString: ZSTD_getErrorName(code)) }
}

/// Compresses undo blocks beside the statement that fills them.
///
/// Blocks come out in the order they went in. Only a few wait at a time, so that memory stays flat when the statement is
/// faster than the compressor.
final class BackgroundCompressor: Sendable {
    private struct State {
        var finished: [UndoBlock] = []
        var failure: BatchError?
    }

    private static let mostWaiting = 8
    private let thread = WorkThread(mostWaiting: mostWaiting)
    private let state = Mutex(State())

    /// Takes the bytes of a block; returns when there is room for another one.
    func add(_ bytes: [UInt8], entries: Int) {
        thread.add { [self] in
            let result = Result { () throws(BatchError) in
                // Not kept: a context belongs to one thread at a time, and making one costs nothing beside a block.
                let compressor = BlockCompressor()
                return try compressor.block(bytes, entries: entries)
            }
            state.withLock { state in
                switch result {
                case .success(let block): state.finished.append(block)
                case .failure(let error): state.failure = state.failure ?? error
                }
            }
        }
    }

    /// The blocks that are done so far, in order; they are the caller's then.
    func takeFinished() throws(BatchError) -> [UndoBlock] {
        let (blocks, failure) = state.withLock { state in
            defer { state.finished = [] }
            return (state.finished, state.failure)
        }
        if let failure { throw failure }
        return blocks
    }

    /// Waits for all blocks.
    func finish() throws(BatchError) -> [UndoBlock] {
        thread.wait()
        return try takeFinished()
    }

    /// Forgets all blocks.
    func discard() {
        thread.wait()
        state.withLock { $0 = State() }
    }
}
