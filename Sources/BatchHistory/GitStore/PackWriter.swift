internal import BatchCore
internal import BatchLedger
internal import CDeflate
internal import Glibc

/// Writes new objects as one pack with its index, straight into a repository.
///
/// libgit2's own ways all cost more: they search deltas, or inflate and hash every object again to index it.
final class PackWriter {
    private struct Entry {
        let id: ObjectID
        let offset: UInt64
        let checksum: UInt32
    }

    private let folder: String
    private let isKnown: (ObjectID) -> Bool
    private let hash = SHA1()
    private let compressor: OpaquePointer?
    private var entries: [Entry] = []
    private var ids: Set<ObjectID> = []
    /// Bytes not yet in the file; small packs never need a second write.
    private var pending = ByteBuffer(capacity: 1 << 16)
    private var scratch = ByteBuffer(capacity: 1 << 16)
    private var spilled: UInt64 = 0
    private var file: TemporaryFile?

    /// - Parameters:
    ///   - isSmall: a few thousand objects at most: then a better compression is worth its time.
    ///   - isKnown: true for objects that the repository holds already; they are not written again.
    init(folder: String, isSmall: Bool, isKnown: @escaping (ObjectID) -> Bool) {
        self.folder = folder
        self.isKnown = isKnown
        compressor = libdeflate_alloc_compressor(isSmall ? 6 : 1)
        pending.append(contentsOf: Array("PACK".utf8) + PackWriter.bigEndian(2) + PackWriter.bigEndian(0))
    }

    deinit { libdeflate_free_compressor(compressor) }

    static func bigEndian(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

    /// The size of what was added, deflated.
    var byteCount: Int { Int(spilled) + pending.count }

    func add(_ kind: ObjectKind, _ content: [UInt8]) throws(BatchError) -> ObjectID {
        // A typed error does not pass through `withUnsafeBytes`.
        let added = content.withUnsafeBytes { bytes in
            Result { () throws(BatchError) in try add(kind, bytes) }
        }
        return try added.get()
    }

    func add(_ kind: ObjectKind, _ content: UnsafeRawBufferPointer) throws(BatchError) -> ObjectID {
        hash.update(Array("\(kind.name) \(content.count)\0".utf8))
        hash.update(content)
        let id = hash.finish()
        if ids.contains(id) || isKnown(id) { return id }
        ids.insert(id)
        let start = pending.count
        appendHeader(kind, size: content.count)
        try appendDeflated(content)
        let checksum = libdeflate_crc32(0, pending.bytes.baseAddress.map { $0 + start }, pending.count - start)
        entries.append(Entry(id: id, offset: spilled + UInt64(start), checksum: checksum))
        if pending.count > 4 << 20 { try spill() }
        return id
    }

    private func appendHeader(_ kind: ObjectKind, size: Int) {
        var rest = size >> 4
        var byte = kind.rawValue << 4 | UInt8(size & 15)
        while rest > 0 {
            pending.append(byte | 0x80)
            byte = UInt8(rest & 0x7F)
            rest >>= 7
        }
        pending.append(byte)
    }

    private func appendDeflated(_ content: UnsafeRawBufferPointer) throws(BatchError) {
        let bound = libdeflate_zlib_compress_bound(compressor, content.count)
        let count = withUnsafeTemporaryAllocation(byteCount: bound, alignment: 16) { space in
            let count = libdeflate_zlib_compress(
                compressor, content.baseAddress, content.count, space.baseAddress, bound)
            if let base = space.baseAddress { pending.append(base, count: count) }
            return count
        }
        if count == 0 {
            throw BatchError(
                .internalFault, "an object of \(content.count) bytes cannot be deflated", hint: "batchmgr doctor")
        }
    }

    private func spill() throws(BatchError) {
        if file == nil {
            try Folder.create(folder)
            file = try TemporaryFile("\(folder)/tmp_pack_\(getpid())")
        }
        try file?.file.write(pending.bytes)
        spilled += UInt64(pending.count)
        pending.removeAll()
    }

    /// Makes the pack durable and visible.
    func finish() throws(BatchError) {
        if entries.isEmpty { return }
        try spill()
        guard let file else { return }
        let count = PackWriter.bigEndian(UInt32(entries.count))
        try file.write(count, at: 8)
        try file.file.forEachPiece { hash.update($0) }
        let checksum = hash.finish()
        try file.write(checksum.bytes, at: Int(spilled))
        let index = try TemporaryFile("\(folder)/tmp_idx_\(getpid())")
        try write(index, pack: checksum)
        try file.file.sync()
        try index.file.sync()
        try file.publish("\(folder)/pack-\(checksum).pack")
        try index.publish("\(folder)/pack-\(checksum).idx")
        try Folder.sync(folder)
    }

    /// Version 2 of git's pack index: fan-out, ids, checksums, offsets, offsets that need 64 bits.
    private func write(_ index: TemporaryFile, pack: ObjectID) throws(BatchError) {
        entries.sort { $0.id < $1.id }
        var buffer = ByteBuffer(capacity: entries.count * 28 + 2_048)
        buffer.append(contentsOf: [0xFF, 0x74, 0x4F, 0x63] + PackWriter.bigEndian(2))
        var fanOut = [UInt32](repeating: 0, count: 256)
        for entry in entries { fanOut[entry.id.first] += 1 }
        var sum: UInt32 = 0
        for count in fanOut {
            sum += count
            buffer.append(contentsOf: PackWriter.bigEndian(sum))
        }
        for entry in entries { buffer.append(contentsOf: entry.id.bytes) }
        for entry in entries { buffer.append(contentsOf: PackWriter.bigEndian(entry.checksum)) }
        appendOffsets(to: &buffer)
        buffer.append(contentsOf: pack.bytes)
        hash.update(buffer.bytes)
        buffer.append(contentsOf: hash.finish().bytes)
        try index.file.write(buffer.bytes)
    }

    private func appendOffsets(to buffer: inout ByteBuffer) {
        var large: [UInt64] = []
        for entry in entries {
            if entry.offset < 1 << 31 {
                buffer.append(contentsOf: PackWriter.bigEndian(UInt32(entry.offset)))
            } else {
                buffer.append(contentsOf: PackWriter.bigEndian(1 << 31 | UInt32(large.count)))
                large.append(entry.offset)
            }
        }
        for offset in large {
            buffer.append(contentsOf: PackWriter.bigEndian(UInt32(offset >> 32)))
            buffer.append(contentsOf: PackWriter.bigEndian(UInt32(truncatingIfNeeded: offset)))
        }
    }
}
