package import BatchCore
internal import CXXHash

/// Values in `RowCodec` form. Long texts and blobs are not copied: they are read where they are.
package struct EncodedPieces {
    /// Values of this length or more count as long, in bytes.
    static let long = 1 << 20

    /// What stands before, between and after the long values.
    package var buffer: ByteBuffer
    private var values: [(place: Int, bytes: [UInt8])] = []
    private var valueBytes = 0

    package init(capacity: Int = 256) { buffer = ByteBuffer(capacity: capacity) }

    /// In bytes, those of the long values too.
    package var count: Int { buffer.count + valueBytes }
    package var holdsLongValues: Bool { !values.isEmpty }

    package mutating func removeAll() {
        buffer.removeAll()
        values = []
        valueBytes = 0
    }

    package mutating func append(_ row: [SQLValue]) {
        for value in row {
            switch value {
            case .text(let bytes) where bytes.count >= EncodedPieces.long: append(RowCodec.Tag.text, bytes)
            case .text16(let bytes) where bytes.count >= EncodedPieces.long: append(RowCodec.Tag.text16, bytes)
            case .blob(let bytes) where bytes.count >= EncodedPieces.long: append(RowCodec.Tag.blob, bytes)
            default: RowCodec.encode(value, into: &buffer)
            }
        }
    }

    private mutating func append(_ tag: UInt8, _ bytes: [UInt8]) {
        buffer.append(tag)
        buffer.appendVarint(UInt64(bytes.count))
        values.append((buffer.count, bytes))
        valueBytes += bytes.count
    }

    /// Calls `body` with all bytes, in order.
    package func forEachPiece(_ body: (UnsafeRawBufferPointer) throws(BatchError) -> Void) throws(BatchError) {
        var place = 0
        for (next, bytes) in values {
            try body(UnsafeRawBufferPointer(rebasing: buffer.bytes[place..<next]))
            // A typed error does not pass through `withUnsafeBytes`.
            let told = bytes.withUnsafeBytes { piece in Result { () throws(BatchError) in try body(piece) } }
            try told.get()
            place = next
        }
        try body(UnsafeRawBufferPointer(rebasing: buffer.bytes[place...]))
    }

    /// XXH3, 128 bits, of all bytes.
    package func digest() -> Digest {
        if values.isEmpty { return buffer.digest() }
        let hash = XXH3()
        try? forEachPiece { (piece) throws(BatchError) in hash.update(piece) }
        return hash.finish()
    }
}

/// XXH3 with 128 bits, fed in pieces: tells that bytes are those that were written as surely as a state digest does, and ten
/// times as fast as SHA-256. Against somebody who makes two files for one hash it is no proof.
///
/// Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
package struct XXH3: ~Copyable {
    private let state = cxxhash_new()

    package init() {}
    deinit { cxxhash_free(state) }

    package func update(_ bytes: UnsafeRawBufferPointer) { cxxhash_update(state, bytes.baseAddress, bytes.count) }

    /// The hash of all bytes so far.
    package func finish() -> Digest {
        let hash = cxxhash_finish(state)
        return Digest(high: hash.high64, low: hash.low64)
    }
}

/// XXH3 with 64 bits, fed in pieces: the checksum of a block of the undo log.
struct BlockHash: ~Copyable {
    private let state = cxxhash_new_64()

    deinit { cxxhash_free(state) }

    func update(_ bytes: UnsafeRawBufferPointer) { cxxhash_update_64(state, bytes.baseAddress, bytes.count) }

    /// The hash of all bytes so far.
    func finish() -> UInt64 { cxxhash_finish_64(state) }
}
