internal import BatchLedger

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
