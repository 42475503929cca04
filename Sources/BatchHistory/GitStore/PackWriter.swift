internal import BatchCore
internal import BatchLedger

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
