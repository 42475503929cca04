internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// Gathers the new objects of a restore point and writes them as one pack.
final class PackWriter {
    /// Bytes that are handed to the deflating thread at once: few, so that also a small point is deflated while its
    /// shards are made.
    private static let batchSize = 256 << 10

    private static let largeObject = 4 << 20

    private let isKnown: (ObjectID) -> Bool
    private let hash = SHA1()
    private let stream: PackStream
    private var ids: Set<ObjectID> = []
    private var batch = PackBatch()
    /// Deflates one batch while the next one is gathered.
    private var deflating: BackgroundTask<Void>?

    /// - Parameter isKnown: true for objects that the repository holds already; they are not written again.
    init(folder: String, isKnown: @escaping (ObjectID) -> Bool) {
        stream = PackStream(folder: folder)
        self.isKnown = isKnown
    }

    deinit { deflating?.wait() }

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
        if content.count > PackWriter.largeObject {
            // It is not copied into a batch.
            try waitForDeflating()
            try stream.append(batch)
            batch = PackBatch()
            try stream.append(id, kind, content)
            return id
        }
        batch.append(id, kind, content)
        if batch.content.count >= PackWriter.batchSize { try handOver() }
        return id
    }

    private func handOver() throws(BatchError) {
        try waitForDeflating()
        let work = DeflatingWork(stream: stream, batch: batch)
        deflating = BackgroundTask { () throws(BatchError) in try work.stream.append(work.batch) }
        batch = PackBatch()
    }

    private func waitForDeflating() throws(BatchError) {
        let running = deflating
        deflating = nil
        try running?.value()
    }

    /// Makes the pack durable and visible.
    func finish() throws(BatchError) {
        try waitForDeflating()
        try stream.append(batch)
        batch = PackBatch()
        try stream.finish()
    }
}

/// Objects on their way into a pack.
struct PackBatch {
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
private struct DeflatingWork: @unchecked Sendable {
    let stream: PackStream
    let batch: PackBatch
}
