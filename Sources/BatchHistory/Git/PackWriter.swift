internal import BatchCore
internal import BatchLedger
internal import Glibc

/// Gathers the new objects of a restore point and writes them as one pack.
final class PackWriter {
    /// Bytes that are handed to the deflating thread at once: few, so that also a small point is deflated while its
    /// shards are made.
    private static let batchSize = 256 << 10

    private let isKnown: (ObjectID) -> Bool
    private let hash = SHA1()
    private let stream: PackStream
    private var ids: Set<ObjectID> = []
    private var batch = PackBatch()
    private var lane: PackLane?

    /// - Parameter isKnown: true for objects that the repository holds already; they are not written again.
    init(folder: String, isKnown: @escaping (ObjectID) -> Bool) {
        stream = PackStream(folder: folder)
        self.isKnown = isKnown
    }

    deinit { try? lane?.wait() }

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
        batch.append(id, kind, content)
        if batch.content.count >= PackWriter.batchSize { try handOver() }
        return id
    }

    private func handOver() throws(BatchError) {
        try waitForLane()
        lane = PackLane(stream, batch)
        batch = PackBatch()
    }

    private func waitForLane() throws(BatchError) {
        let running = lane
        lane = nil
        try running?.wait()
    }

    /// Makes the pack durable and visible.
    func finish() throws(BatchError) {
        try waitForLane()
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

/// Deflates one batch on a thread of its own while the next one is gathered.
///
/// The thread is the only user of the stream until `wait` returns, and the batch belongs to it.
final class PackLane: @unchecked Sendable {
    private let stream: PackStream
    private let batch: PackBatch
    private var failure: BatchError?
    private var thread = pthread_t()
    private var isRunning = false

    init(_ stream: PackStream, _ batch: PackBatch) {
        self.stream = stream
        self.batch = batch
        let me = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<PackLane>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, me.toOpaque())
        isRunning = code == 0
        if !isRunning {
            // No thread to be had: it is done here.
            me.release()
            run()
        }
    }

    private func run() {
        do { try stream.append(batch) } catch { failure = error }
    }

    /// Returns when the batch is in the stream. To be called exactly once.
    func wait() throws(BatchError) {
        if isRunning { pthread_join(thread, nil) }
        if let failure { throw failure }
    }
}
