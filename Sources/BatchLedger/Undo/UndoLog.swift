public import BatchCore
internal import BatchSystem

/// Gathers the undo log of one checkpoint: blocks are compressed as they fill, and go to a spill file when there are many.
///
/// The ledger cannot be written while a statement runs, so the blocks wait for its end; memory stays flat all the same.
final class UndoLogWriter {
    private(set) var buffer = ByteBuffer(capacity: BlockCompressor.blockSize + 65_536)
    private var entriesInBlock = 0
    private(set) var entries = 0
    private var blocks: [UndoBlock] = []
    private var heldBytes = 0
    private var spill: SpillFile?
    private let compressor = BackgroundCompressor()
    private var isCompressorIdle = true
    private let spillFolder: String
    /// Table of the last entry in this block.
    private var table: CapturedTable?
    private var tablesInBlock: [CapturedTable] = []
    /// Long values of the entries in this block, and where each belongs in the buffer.
    private var longValues: [(place: Int, value: KeptValue, file: KeptFile)] = []
    private static let mostHeld = 24 << 20

    init(spillFolder: String) { self.spillFolder = spillFolder }

    var isEmpty: Bool { entries == 0 }

    /// Begins an entry: its operation, the table when it is another than before, and nothing else.
    @inline(__always)
    func begin(_ operation: UndoEntry.Operation, flags: UInt8, table track: CapturedTable) {
        if track === table {
            buffer.append(operation.rawValue | flags)
        } else {
            switchTable(operation, flags, track)
        }
    }

    private func switchTable(_ operation: UndoEntry.Operation, _ flags: UInt8, _ track: CapturedTable) {
        buffer.append(operation.rawValue | flags | UndoEntry.Flag.table)
        buffer.appendVarint(UInt64(track.number))
        if !tablesInBlock.contains(where: { $0 === track }) {
            track.lastRowid = 0
            tablesInBlock.append(track)
        }
        table = track
    }

    @inline(__always)
    func appendRowid(_ rowid: Int64, of track: CapturedTable) {
        buffer.appendSigned(rowid &- track.lastRowid)
        track.lastRowid = rowid
    }

    @inline(__always)
    func appendFixed(_ value: UInt64) { buffer.appendFixed(value) }

    @inline(__always)
    func append(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress { buffer.append(base, count: bytes.count) }
    }

    /// Appends an image, or part of one. A value that is kept in the file stays there until its block is compressed.
    func append(_ image: UnsafeRawBufferPointer, _ file: KeptFile) throws(BatchError) {
        try KeptFile.parts(of: image) { (bytes) throws(BatchError) in
            append(bytes)
        } kept: { (value) throws(BatchError) in
            buffer.append(value.tag)
            buffer.appendVarint(UInt64(value.length))
            longValues.append((buffer.count, value, file))
        }
    }

    func append(_ byte: UInt8) { buffer.append(byte) }
    func appendVarint(_ value: UInt64) { buffer.appendVarint(value) }

    @inline(__always)
    func end() throws(BatchError) {
        entries += 1
        entriesInBlock += 1
        if buffer.count >= BlockCompressor.blockSize || !longValues.isEmpty { try closeBlock() }
    }

    /// - Parameter isOnly: nothing else is to be done meanwhile: a thread would cost more than the work.
    private func closeBlock(isOnly: Bool = false) throws(BatchError) {
        guard entriesInBlock > 0 else { return }
        if !longValues.isEmpty {
            try spillLongValues()
        } else if isOnly, isCompressorIdle {
            try collect([try BlockCompressor().block(buffer.array, entries: entriesInBlock)])
        } else {
            compressor.add(buffer.array, entries: entriesInBlock)
            isCompressorIdle = false
        }
        buffer.release()
        entriesInBlock = 0
        table = nil
        tablesInBlock = []
        if !isCompressorIdle { try collect(try compressor.takeFinished()) }
    }

    /// Compresses the block piece by piece into the spill file, after those before it.
    private func spillLongValues() throws(BatchError) {
        if !isCompressorIdle { try collect(try compressor.finish()) }
        isCompressorIdle = true
        try spillBlocks()
        let size = longValues.reduce(buffer.count) { $0 + $1.value.length }
        let bytes = buffer.bytes
        let frame = FrameWriter(size: size, level: BlockCompressor.level)
        try spill?.append(entries: entriesInBlock, size: size) { (write) throws(BatchError) in
            var place = 0
            for (next, value, file) in longValues {
                try frame.append(UnsafeRawBufferPointer(rebasing: bytes[place..<next]), to: write)
                try file.forEachPiece(of: value) { (piece) throws(BatchError) in try frame.append(piece, to: write) }
                place = next
            }
            try frame.append(UnsafeRawBufferPointer(rebasing: bytes[place...]), to: write)
            try frame.finish(write)
        }
        longValues = []
    }

    private func collect(_ finished: [UndoBlock]) throws(BatchError) {
        blocks += finished
        heldBytes += finished.reduce(0) { $0 + $1.data.count }
        if heldBytes > UndoLogWriter.mostHeld { try spillBlocks() }
    }

    private func spillBlocks() throws(BatchError) {
        let file: SpillFile
        if let spill { file = spill } else { file = try SpillFile(folder: spillFolder) }
        spill = file
        for block in blocks { try file.append(block) }
        blocks = []
        heldBytes = 0
    }

    /// Hands over all blocks in order, and forgets them.
    func drain(_ body: (UndoBlock) throws(BatchError) -> Void) throws(BatchError) {
        try closeBlock(isOnly: true)
        if !isCompressorIdle { try collect(try compressor.finish()) }
        if let spill { try spill.forEachBlock(body) }
        for block in blocks { try body(block) }
        discard()
    }

    func discard() {
        buffer.release()
        blocks = []
        heldBytes = 0
        entriesInBlock = 0
        entries = 0
        table = nil
        tablesInBlock = []
        longValues = []
        spill = nil
        if !isCompressorIdle { compressor.discard() }
        isCompressorIdle = true
    }
}

extension Ledger {
    /// Reads the undo log of a checkpoint to its last entry, as an undo would, and changes nothing.
    /// - Returns: how many blocks it has.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when a block is missing, damaged, or cannot be decoded.
    public func verifyUndoLog(of checkpoint: CheckpointRecord) throws(BatchError) -> Int {
        let tables = try changedTables(of: checkpoint.id)
        let count = try undoBlockCount(checkpoint.id)
        // Its restore points are checked by themselves.
        if try isThinned(checkpoint.id) { return Int(count) }
        var entries = 0
        for number in 0..<count {
            guard let block = try openUndoBlock(checkpoint.id, number) else {
                throw missing(checkpoint, "block \(number)")
            }
            guard try UndoBlockReader(bytes: block.buffer.bytes, tables: tables).steps().count == block.entries else {
                throw missing(checkpoint, "an entry of block \(number)")
            }
            entries += block.entries
        }
        // Without a row of undo log a batch that changed rows would be undone to nothing.
        // An UPDATE that sets what is there already is counted, and leaves nothing to undo.
        let isUnchanged =
            checkpoint.rows.inserted + checkpoint.rows.deleted == 0
            && tables.values.allSatisfy { $0.change == TableDigest() }
        guard entries > 0 || isUnchanged else { throw missing(checkpoint, "all of it") }
        return Int(count)
    }

    private func missing(_ checkpoint: CheckpointRecord, _ what: String) -> BatchError {
        BatchError(
            .corruptRecord, "the undo log of checkpoint \(checkpoint.number) has lost \(what)",
            hint: "undo from another record: \(command: "rollback --id BATCH --source git")")
    }
}

/// Undo logs that were taken out of the database, because a restore point leads back over their batches. Their blocks stay
/// as rows without data, so that nobody takes them for lost.
extension Ledger {
    /// True when a block of the checkpoint has no data any more.
    public func isThinned(_ checkpoint: Int64) throws(BatchError) -> Bool {
        try connection.value(
            "SELECT 1 FROM main.batchmgr_undo WHERE checkpoint = ? AND length(data) = 0 AND size > 0 LIMIT 1",
            [.integer(checkpoint)]) != nil
    }

    /// True when the batch is undone from its restore points.
    public func isThinned(batch: Int64) throws(BatchError) -> Bool {
        for checkpoint in try checkpoints(of: batch) where try isThinned(checkpoint.id) { return true }
        return false
    }

    /// Takes the data out. The caller makes sure that another record leads back.
    /// - Returns: how many bytes were freed.
    public func thinUndoLog(of checkpoint: Int64) throws(BatchError) -> Int64 {
        let sum = "SELECT coalesce(sum(length(data)), 0) FROM main.batchmgr_undo WHERE checkpoint = ?"
        let bytes = try connection.value(sum, [.integer(checkpoint)])?.integer ?? 0
        if bytes == 0 { return 0 }
        try connection.run("UPDATE main.batchmgr_undo SET data = x'' WHERE checkpoint = ?", [.integer(checkpoint)])
        return bytes
    }

    static func thinned() -> BatchError {
        BatchError(
            .noRestorePoint, "its undo log is no longer in the database; it can be undone from its restore points",
            hint: "undo it from them: \(command: "rollback --id BATCH --source git")")
    }
}

/// Blocks that wait: the undo log of a large transaction on its way into the ledger, or changes to be read again. The file has no name: it is gone with the process.
final class SpillFile {
    private let file: File
    private var blocks: [(entries: Int, size: Int, checksum: UInt64, length: Int)] = []

    init(folder: String) throws(BatchError) { file = try File(withoutNameIn: folder) }

    func append(_ block: UndoBlock) throws(BatchError) {
        try file.write(block.data)
        blocks.append((block.entries, block.size, block.checksum, block.data.count))
    }

    /// Appends a block that is handed over compressed, in pieces.
    /// - Parameter size: in bytes, before compression.
    func append(
        entries: Int, size: Int,
        _ fill: ((UnsafeRawBufferPointer) throws(BatchError) -> Void) throws(BatchError) -> Void
    ) throws(BatchError) {
        let hash = BlockHash()
        var length = 0
        try fill { (piece) throws(BatchError) in
            try file.write(piece)
            hash.update(piece)
            length += piece.count
        }
        blocks.append((entries, size, hash.finish(), length))
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
