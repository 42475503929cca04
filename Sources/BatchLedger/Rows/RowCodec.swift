public import BatchCore

/// The binary form of row values, used by the undo log, the `.bak` deltas and the row hash.
///
/// One tag byte, then: nothing for NULL; a zigzag varint for an integer; eight bytes (little endian) for a real; a varint
/// length and the bytes for text (UTF-8 or UTF-16) and blobs. Equal values have equal bytes and different ones have
/// different bytes, so hashing and comparing bytes is hashing and comparing values.
public enum RowCodec {
    enum Tag {
        static let null: UInt8 = 0
        static let integer: UInt8 = 1
        static let real: UInt8 = 2
        static let text: UInt8 = 3
        static let text16: UInt8 = 4
        static let blob: UInt8 = 5
        /// Only in images of rows that change: see `KeptValue`.
        static let kept: UInt8 = 6
    }

    public static func encode(_ values: [SQLValue], into buffer: inout ByteBuffer) {
        for value in values { encode(value, into: &buffer) }
    }

    public static func encode(_ value: SQLValue, into buffer: inout ByteBuffer) {
        switch value {
        case .null: buffer.append(Tag.null)
        case .integer(let number): buffer.appendInteger(number)
        case .real(let number): buffer.appendReal(number)
        case .text(let bytes): append(Tag.text, bytes, to: &buffer)
        case .text16(let bytes): append(Tag.text16, bytes, to: &buffer)
        case .blob(let bytes): append(Tag.blob, bytes, to: &buffer)
        }
    }

    private static func append(_ tag: UInt8, _ bytes: [UInt8], to buffer: inout ByteBuffer) {
        bytes.withUnsafeBytes { buffer.appendBytes(tag, $0.baseAddress, $0.count) }
    }

    /// Where the value ends that begins at `place`. The bytes must have been written by this codec in this process.
    @inline(__always)
    static func end(of bytes: UnsafeRawPointer, at place: Int) -> Int {
        switch bytes.load(fromByteOffset: place, as: UInt8.self) {
        case Tag.null: return place + 1
        case Tag.real: return place + 9
        case Tag.kept: return place + KeptValue.size
        case Tag.integer:
            var end = place + 1
            while bytes.load(fromByteOffset: end, as: UInt8.self) >= 0x80 { end += 1 }
            return end + 1
        default:
            var length = 0
            var shift = 0
            var end = place + 1
            while true {
                let byte = bytes.load(fromByteOffset: end, as: UInt8.self)
                end += 1
                length |= Int(byte & 0x7F) << shift
                if byte < 0x80 { return end + length }
                shift += 7
            }
        }
    }

    /// The row's contribution to the digest of its table.
    public static func hash(_ values: [SQLValue]) -> Digest {
        var pieces = EncodedPieces()
        pieces.append(values)
        return pieces.digest()
    }
}

extension RowKey {
    /// A number that orders and groups keys: the rowid with its sign moved, or a hash of the key values.
    public var order: UInt64 {
        switch self {
        case .rowid(let rowid): return UInt64(bitPattern: rowid) ^ (1 << 63)
        case .values(let values):
            var buffer = ByteBuffer()
            RowCodec.encode(values, into: &buffer)
            return buffer.hash64()
        }
    }
}
