package import BatchCore
internal import BatchLedger
internal import BatchSystem
internal import CDeflate

/// Gathers the new objects of a restore point and writes them as one pack.
package final class PackWriter {
    /// Bytes that are handed to the deflating thread at once: few, so that also a small point is deflated while its
    /// shards are made.
    private static let batchSize = 256 << 10

    private static let largeObject = 4 << 20

    private let isKnown: (ObjectID) -> Bool
    /// Told of each new object.
    var note: ((ObjectID, ObjectKind, UnsafeRawBufferPointer) -> Void)?
    private let hash = SHA1()
    private let stream: PackStream
    private var ids: Set<ObjectID> = []
    private var batch = PackStream.Batch()
    /// Deflates one batch while the next one is gathered.
    private var deflating: BackgroundTask<Void>?

    /// - Parameter isKnown: true for objects that the repository holds already; they are not written again.
    package init(folder: String, isKnown: @escaping (ObjectID) -> Bool) {
        stream = PackStream(folder: folder)
        self.isKnown = isKnown
    }

    deinit { deflating?.wait() }

    package func add(_ kind: ObjectKind, _ content: [UInt8]) throws(BatchError) -> ObjectID {
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
        note?(id, kind, content)
        if content.count > PackWriter.largeObject {
            // It is not copied into a batch.
            try waitForDeflating()
            try stream.append(batch)
            batch = PackStream.Batch()
            try stream.append(id, kind, content)
            return id
        }
        batch.append(id, kind, content)
        if batch.content.count >= PackWriter.batchSize { try handOver() }
        return id
    }

    private func handOver() throws(BatchError) {
        try waitForDeflating()
        let work = PackStream.DeflatingWork(stream: stream, batch: batch)
        deflating = BackgroundTask { () throws(BatchError) in try work.stream.append(work.batch) }
        batch = PackStream.Batch()
    }

    private func waitForDeflating() throws(BatchError) {
        let running = deflating
        deflating = nil
        try running?.value()
    }

    /// Makes the pack durable and visible.
    package func finish() throws(BatchError) {
        try waitForDeflating()
        try stream.append(batch)
        batch = PackStream.Batch()
        try stream.finish()
    }
}

/// The bytes of a pack and its index, straight into a repository.
///
/// libgit2's own ways all cost more: they search deltas, or inflate and hash every object again to index it.
final class PackStream {
    private struct Entry {
        let id: ObjectID
        let offset: UInt64
        let checksum: UInt32
    }

    private let folder: String
    private let hash = SHA1()
    /// Small packs are made as small as can be; larger ones, as fast.
    private static let smallPack = 256 << 10
    private let thorough: OpaquePointer?
    private let fast: OpaquePointer?
    private var entries: [Entry] = []
    /// Bytes not yet in the file; small packs never need a second write.
    private var pending = ByteBuffer(capacity: 1 << 16)
    private var spilled: UInt64 = 0
    private var file: TemporaryFile?

    init(folder: String) {
        self.folder = folder
        thorough = libdeflate_alloc_compressor(6)
        fast = libdeflate_alloc_compressor(1)
        pending.append(contentsOf: Array("PACK".utf8) + PackStream.bigEndian(2) + PackStream.bigEndian(0))
    }

    deinit {
        libdeflate_free_compressor(thorough)
        libdeflate_free_compressor(fast)
    }

    static func bigEndian(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

    /// The size of what was added, deflated.
    var byteCount: Int { Int(spilled) + pending.count }

    /// Deflates the objects of a batch.
    func append(_ batch: Batch) throws(BatchError) {
        for object in batch.objects {
            try append(
                object.id, object.kind, UnsafeRawBufferPointer(rebasing: batch.content.bytes[object.range]))
        }
    }

    /// Deflates one object.
    func append(_ id: ObjectID, _ kind: ObjectKind, _ content: UnsafeRawBufferPointer) throws(BatchError) {
        if content.count > PackStream.largeObject { return try appendLarge(id, kind, content) }
        let start = pending.count
        appendHeader(kind, size: content.count)
        try deflate(content) { pending.append($0, count: $1) }
        let checksum = libdeflate_crc32(0, pending.bytes.baseAddress.map { $0 + start }, pending.count - start)
        entries.append(Entry(id: id, offset: spilled + UInt64(start), checksum: checksum))
        if pending.count > 4 << 20 { try spill() }
    }

    /// Straight into the file: a value may have a gigabyte, and there are copies enough of it.
    private func appendLarge(
        _ id: ObjectID, _ kind: ObjectKind, _ content: UnsafeRawBufferPointer
    ) throws(BatchError) {
        try spill()
        let offset = spilled
        appendHeader(kind, size: content.count)
        var checksum = libdeflate_crc32(0, pending.bytes.baseAddress, pending.count)
        try spill()
        var failure: BatchError?
        try deflate(content) { (base, count) in
            checksum = libdeflate_crc32(checksum, base, count)
            do throws(BatchError) {
                try file?.file.write(UnsafeRawBufferPointer(start: base, count: count))
            } catch { failure = error }
            spilled += UInt64(count)
        }
        if let failure { throw failure }
        entries.append(Entry(id: id, offset: offset, checksum: checksum))
    }

    private static let largeObject = 4 << 20

    /// Takes over an object as it lies in another pack.
    func append(_ id: ObjectID, deflated bytes: UnsafeRawBufferPointer, checksum: UInt32) throws(BatchError) {
        entries.append(Entry(id: id, offset: spilled + UInt64(pending.count), checksum: checksum))
        if let base = bytes.baseAddress { pending.append(base, count: bytes.count) }
        if pending.count > 4 << 20 { try spill() }
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

    private func deflate(
        _ content: UnsafeRawBufferPointer, _ body: (UnsafeRawPointer, Int) -> Void
    ) throws(BatchError) {
        let compressor = byteCount < PackStream.smallPack ? thorough : fast
        let bound = libdeflate_zlib_compress_bound(compressor, content.count)
        let count = withUnsafeTemporaryAllocation(byteCount: bound, alignment: 16) { space in
            let count = libdeflate_zlib_compress(
                compressor, content.baseAddress, content.count, space.baseAddress, bound)
            if let base = space.baseAddress, count > 0 { body(base, count) }
            return count
        }
        if count == 0 {
            throw BatchError(
                .internalFault, "an object of \(content.count) bytes cannot be deflated", hint: "\(command: "doctor")")
        }
    }

    private func spill() throws(BatchError) {
        if file == nil {
            try Folder.create(folder)
            file = try TemporaryFile(for: "\(folder)/pack", permissions: 0o444)
        }
        try file?.file.write(pending.bytes)
        spilled += UInt64(pending.count)
        pending.removeAll()
    }

    /// Makes the pack durable and visible.
    /// - Returns: its name without ending; nil when there is nothing to write.
    @discardableResult
    func finish() throws(BatchError) -> String? {
        if entries.isEmpty { return nil }
        try spill()
        guard let file else { return nil }
        let count = PackStream.bigEndian(UInt32(entries.count))
        try file.file.write(count, at: 8)
        try file.file.forEachPiece { hash.update($0) }
        let checksum = hash.finish()
        try file.file.write(checksum.bytes, at: Int(spilled))
        let index = try TemporaryFile(for: "\(folder)/idx", permissions: 0o444)
        try write(index, pack: checksum)
        try Concurrently.forEach([file.path, index.path]) { (path) throws(BatchError) in
            try DurableFile.sync(path)
        }
        try file.rename(to: "\(folder)/pack-\(checksum).pack")
        try index.rename(to: "\(folder)/pack-\(checksum).idx")
        try Folder.sync(folder)
        return "pack-\(checksum)"
    }

    /// Version 2 of git's pack index: fan-out, ids, checksums, offsets, offsets that need 64 bits.
    private func write(_ index: TemporaryFile, pack: ObjectID) throws(BatchError) {
        entries.sort { $0.id < $1.id }
        var buffer = ByteBuffer(capacity: entries.count * 28 + 2_048)
        buffer.append(contentsOf: [0xFF, 0x74, 0x4F, 0x63] + PackStream.bigEndian(2))
        var fanOut = [UInt32](repeating: 0, count: 256)
        for entry in entries { fanOut[entry.id.first] += 1 }
        var sum: UInt32 = 0
        for count in fanOut {
            sum += count
            buffer.append(contentsOf: PackStream.bigEndian(sum))
        }
        for entry in entries { buffer.append(contentsOf: entry.id.bytes) }
        for entry in entries { buffer.append(contentsOf: PackStream.bigEndian(entry.checksum)) }
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
                buffer.append(contentsOf: PackStream.bigEndian(UInt32(entry.offset)))
            } else {
                buffer.append(contentsOf: PackStream.bigEndian(1 << 31 | UInt32(large.count)))
                large.append(entry.offset)
            }
        }
        for offset in large {
            buffer.append(contentsOf: PackStream.bigEndian(UInt32(offset >> 32)))
            buffer.append(contentsOf: PackStream.bigEndian(UInt32(truncatingIfNeeded: offset)))
        }
    }

    /// Objects on their way into a pack.
    struct Batch {
        struct Object {
            let id: ObjectID
            let kind: ObjectKind
            let range: Range<Int>
        }

        private(set) var objects: [Object] = []
        private(set) var content = ByteBuffer(capacity: 1 << 16)

        mutating func append(_ id: ObjectID, _ kind: ObjectKind, _ bytes: UnsafeRawBufferPointer) {
            let start = content.count
            if let base = bytes.baseAddress { content.append(base, count: bytes.count) }
            objects.append(Object(id: id, kind: kind, range: start..<content.count))
        }
    }

    /// The task is the only user of the stream until it has been waited for, and the batch belongs to it.
    fileprivate struct DeflatingWork: @unchecked Sendable {
        let stream: PackStream
        let batch: PackStream.Batch
    }
}
